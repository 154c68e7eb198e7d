// Which inputs differ among the images of a slice. Of 64 handwritten digits a third of the pixels is the same on all:
// such a pixel adds the same to every image, and its weight's gradient is that of the bias times its value. So the first
// layer, where most of the computing is, goes over the others alone.

/** Inputs `start` to `end` - 1. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Narrower gaps are not worth to be left out, and four values are copied at a time. */
const least = 4;
/** Products of matrices go over so many columns at a time, and get ready anew for each number that they have not seen. */
export const granularity = 16;
/**
 * Leaving out less than all inputs of so many images costs more than it spares: weights are gathered and gradients are spread
 * once a slice, however many images are in it. So a third of the inputs is left out of 150 images, and of 64 nothing.
 */
export const leastImagesSpared = 48;

/**
 * Inputs to go over: all that vary, and some that do not; in order, none twice, each span at least four long. Undefined where
 * it is best to take all. `marks` has a byte an input, and 16 or more: 0 where so many images have the same.
 */
export function varyingSpans(
  marks: Uint8Array,
  images: number,
  leastSpared = leastImagesSpared,
): Span[] | undefined {
  const inputs = marks.length;
  const spans = widened(spansOf(marks), inputs);
  const spared = inputs - widthOf(spans);
  return images * spared < leastSpared * inputs ? undefined : spans;
}

export function widthOf(spans: readonly Span[]): number {
  return spans.reduce((width, { start, end }) => width + end - start, 0);
}

function spansOf(marks: Uint8Array): { start: number; end: number }[] {
  const inputs = marks.length;
  const spans: { start: number; end: number }[] = [];
  for (let input = 0; input < inputs; input++) {
    if (marks[input] === 0) continue;
    const last = spans.at(-1);
    if (last !== undefined && input - last.end < least) last.end = Math.max(last.end, input + 1);
    else {
      const start = Math.min(input, inputs - least);
      spans.push({ start, end: start + least });
    }
  }
  return spans;
}

/** To a multiple of the granularity, if there are so many. */
function widened(spans: { start: number; end: number }[], inputs: number): Span[] {
  if (spans.length === 0) spans.push({ start: 0, end: least });
  let lacking = (granularity - (widthOf(spans) % granularity)) % granularity;
  for (const [at, span] of spans.entries()) {
    const added = Math.min(lacking, (spans[at + 1]?.start ?? inputs) - span.end);
    span.end += added;
    lacking -= added;
  }
  if (lacking > 0) spans[0].start -= Math.min(lacking, spans[0].start);
  return spans;
}
