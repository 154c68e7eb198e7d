// A canvas that is drawn on with whatever points: mouse, finger, pen.
import type { Picture } from '../../../../shared/picture.ts';

/** Pixels a side: ten for each that the network sees. */
export const sketchSize = 280;
/** The strokes of MNIST are about two of its 28 pixels wide. */
const strokeWidth = 22;

export interface Sketch {
  clear(): void;
  /** Light ink on a dark ground. */
  picture(): Picture;
}

/** `onChange` is told at most once a frame. */
export function openSketch(canvas: HTMLCanvasElement, onChange: () => void): Sketch {
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  let frame = 0;
  const clear = (): void => {
    cancelAnimationFrame(frame);
    frame = 0;
    context.fillStyle = '#000';
    context.fillRect(0, 0, sketchSize, sketchSize);
  };
  const changed = (): void => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      onChange();
    });
  };
  const placeOf = ({ clientX, clientY }: PointerEvent) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return {
      x: ((clientX - left) * sketchSize) / width,
      y: ((clientY - top) * sketchSize) / height,
    };
  };
  let last: { readonly x: number; readonly y: number } | undefined;
  const lineTo = (event: PointerEvent): void => {
    const next = placeOf(event);
    const from = last ?? next;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(next.x, next.y);
    context.stroke();
    last = next;
    changed();
  };
  clear();
  Object.assign(context, {
    strokeStyle: '#fff',
    lineWidth: strokeWidth,
    lineCap: 'round',
    lineJoin: 'round',
  });
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = undefined;
    lineTo(event);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (event.buttons === 0) return;
    for (const each of event.getCoalescedEvents()) lineTo(each);
  });
  return {
    clear,
    picture: () => {
      const { data } = context.getImageData(0, 0, sketchSize, sketchSize);
      const values = new Float64Array(sketchSize ** 2);
      for (let at = 0; at < values.length; at++) values[at] = data[4 * at];
      return { rows: sketchSize, columns: sketchSize, values };
    },
  };
}
