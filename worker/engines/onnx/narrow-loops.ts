// From all inputs to those that vary, and back. Where a kernel's memory holds it all, that does it, with the bits of the
// plain loops here.
import { pixelFactor } from '../../../shared/model/gradient-graph.ts';
import { GuestModule } from '../../../shared/vectors/guest-module.ts';
import {
  copyEntry,
  gapEntry,
  type InputLayout,
  lanes,
  type Table,
  wordBytes,
} from './input-layout.ts';
import { assembleNarrowKernel, type NarrowKernel } from './narrow-kernel.ts';

/** One row after the other, each `width` long. */
export interface Rows<Values extends Uint8Array | Float32Array = Float32Array> {
  readonly values: Values;
  readonly width: number;
}

const kernel = new GuestModule<NarrowKernel>(() => assembleNarrowKernel(pixelFactor));

/** As the graph has it: rounded after each step. */
export function scaledPixel(pixel: number): number {
  return Math.fround(Math.fround(pixel * Math.fround(pixelFactor)) - 1);
}

/** Adds bits to `marks`, one byte a pixel and 16 or more, where an image has others than the first. */
export function markDifferences(images: Rows<Uint8Array>, marks: Uint8Array): void {
  const functions = kernel.functionsFor(images.values, marks);
  if (functions !== undefined) {
    const first = images.values.byteOffset;
    functions.mark(...rowsAt(images), first, ...rangeOf(marks));
    return;
  }
  const first = rowOf(images, 0);
  for (let image = 1; image < rowsOf(images); image++) {
    const row = rowOf(images, image);
    for (let at = 0; at < marks.length; at++) marks[at] |= row[at] ^ first[at];
  }
}

/** A row an image: of its pixels, those of spans, scaled. */
export function scaleInputs({ copies }: InputLayout, images: Rows<Uint8Array>, scaled: Rows): void {
  const functions = kernel.functionsFor(images.values, scaled.values, copies.floats);
  if (functions !== undefined) {
    functions.scale(...betweenRows(images, scaled), ...extentOf(copies));
    return;
  }
  for (let image = 0; image < rowsOf(images); image++) {
    const [from, to] = [rowOf(images, image), rowOf(scaled, image)];
    for (const { wide, narrow } of placesOf(copies)) {
      for (let lane = 0; lane < lanes; lane++) {
        to[narrow + lane] = scaledPixel(from[wide + lane]);
      }
    }
  }
}

/** A row a unit: of its weights, those of spans; and in `sums`, four that the others add up to, times their values. */
export function gatherWeights(
  { copies, gaps }: InputLayout,
  weights: Rows,
  gathered: Rows,
  sums: Rows,
): void {
  const functions = kernel.functionsFor(weights.values, gathered.values, sums.values, gaps.floats);
  if (functions !== undefined) {
    const sumsStart = sums.values.byteOffset;
    const places = [
      ...betweenRows(weights, gathered),
      ...extentOf(copies),
      ...extentOf(gaps),
    ] as const;
    functions.gather(...places, sumsStart);
    return;
  }
  for (let unit = 0; unit < rowsOf(weights); unit++) {
    const [from, to, sum] = [rowOf(weights, unit), rowOf(gathered, unit), rowOf(sums, unit)];
    for (const { wide, narrow } of placesOf(copies)) {
      to.set(from.subarray(wide, wide + lanes), narrow);
    }
    sum.fill(0);
    for (const entry of gaps.entries()) {
      const [wide, terms] = [placeIn(gaps, entry + gapEntry.wide), entry + gapEntry.terms];
      for (let lane = 0; lane < lanes; lane++) {
        sum[lane] += Math.fround(from[wide + lane] * gaps.floats[terms + lane]);
      }
    }
  }
}

/** The way back for gradients: elsewhere a row has its unit's slope times the inputs' values. */
export function spreadGradients(
  { copies, gaps }: InputLayout,
  gathered: Rows,
  spread: Rows,
  slopes: Float32Array,
): void {
  const functions = kernel.functionsFor(gathered.values, spread.values, slopes, gaps.floats);
  if (functions !== undefined) {
    const places = [
      ...betweenRows(gathered, spread),
      ...extentOf(copies),
      ...extentOf(gaps),
    ] as const;
    functions.spread(...places, slopes.byteOffset);
    return;
  }
  for (let unit = 0; unit < rowsOf(gathered); unit++) {
    const [from, to] = [rowOf(gathered, unit), rowOf(spread, unit)];
    for (const entry of gaps.entries()) {
      const [wide, values] = [placeIn(gaps, entry + gapEntry.wide), entry + gapEntry.values];
      for (let lane = 0; lane < lanes; lane++) {
        to[wide + lane] = gaps.floats[values + lane] * slopes[unit];
      }
    }
    for (const { wide, narrow } of placesOf(copies)) {
      to.set(from.subarray(narrow, narrow + lanes), wide);
    }
  }
}

/** Which value of a row it is whose byte the table has. */
function placeIn({ integers }: Table, word: number): number {
  return integers[word] / wordBytes;
}

function* placesOf(copies: Table) {
  for (const entry of copies.entries()) {
    const wide = placeIn(copies, entry + copyEntry.wide);
    yield { wide, narrow: placeIn(copies, entry + copyEntry.narrow) };
  }
}

function rowsOf({ values, width }: Rows<Uint8Array | Float32Array>): number {
  return values.length / width;
}

function rowOf<Values extends Uint8Array | Float32Array>(
  { values, width }: Rows<Values>,
  row: number,
): Values {
  return values.subarray(row * width, (row + 1) * width) as Values;
}

/** What the kernel is told of rows that are read, and of those that are written. */
function betweenRows(from: Rows<Uint8Array | Float32Array>, to: Rows) {
  return [...rowsAt(from), to.values.byteOffset, to.width * wordBytes] as const;
}

/** Where they begin and end, and the bytes from one to the next. */
function rowsAt({ values, width }: Rows<Uint8Array | Float32Array>) {
  return [...rangeOf(values), width * values.BYTES_PER_ELEMENT] as const;
}

function rangeOf({ byteOffset, byteLength }: ArrayBufferView) {
  return [byteOffset, byteOffset + byteLength] as const;
}

function extentOf({ start, end }: Table) {
  return [start, end] as const;
}
