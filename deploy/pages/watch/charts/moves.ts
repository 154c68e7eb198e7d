// Moving along the curves: by keys, by dragging with Shift held down, and with two fingers.
import type uPlot from 'uplot';
import { zoom } from './options.ts';

const keyMoves: Readonly<Record<string, (min: number, max: number) => [number, number]>> = {
  ArrowLeft: (min, max) => [min - (max - min) / 8, max - (max - min) / 8],
  ArrowRight: (min, max) => [min + (max - min) / 8, max + (max - min) / 8],
  '+': (min, max) => [min + (max - min) / 6, max - (max - min) / 6],
  '-': (min, max) => [min - (max - min) / 4, max + (max - min) / 4],
};

export function moveByKeys(event: KeyboardEvent, chart: uPlot): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const move = keyMoves[event.key === '=' ? '+' : event.key];
  if (event.key === '0') zoom.value = undefined;
  else if (move !== undefined) {
    const { min = 0, max = 1 } = chart.scales.x;
    const [from, to] = move(min, max);
    zoom.value = { min: from, max: to };
  } else return;
  event.preventDefault();
}

/** Returns what undoes it. */
export function panByPointer(chart: uPlot): () => void {
  const start = (event: MouseEvent): void => {
    if (!event.shiftKey || event.button !== 0) return;
    // Otherwise uPlot would mark a stretch to zoom into.
    event.stopImmediatePropagation();
    event.preventDefault();
    const { min = 0, max = 1 } = chart.scales.x;
    const perPixel = (max - min) / chart.over.clientWidth;
    const move = onceAFrame(({ clientX }: MouseEvent): void => {
      const shift = (event.clientX - clientX) * perPixel;
      zoom.value = { min: min + shift, max: max + shift };
    });
    addEventListener('mousemove', move);
    addEventListener('mouseup', () => removeEventListener('mousemove', move), { once: true });
  };
  chart.root.addEventListener('mousedown', start, { capture: true });
  return () => chart.root.removeEventListener('mousedown', start, { capture: true });
}

/**
 * Two fingers stretch, squeeze and move the axis: what they lie on stays under them. One finger is left to the browser,
 * which scrolls the page. Returns what undoes it.
 */
export function zoomByFingers(chart: uPlot): () => void {
  let held: readonly [number, number] | undefined;
  const placesOf = ({ touches }: TouchEvent): readonly [number, number] | undefined => {
    if (touches.length !== 2) return undefined;
    const { left } = chart.over.getBoundingClientRect();
    const [a, b] = Array.from(touches, ({ clientX }) => clientX - left).sort((x, y) => x - y);
    // Fingers above each other say nothing about an axis from left to right.
    return b - a < leastSpread ? undefined : [a, b];
  };
  const start = (event: TouchEvent): void => {
    const places = placesOf(event);
    held = places && [chart.posToVal(places[0], 'x'), chart.posToVal(places[1], 'x')];
  };
  const lieOn = onceAFrame((at: readonly [number, number], values: readonly [number, number]) => {
    const perPixel = (values[1] - values[0]) / (at[1] - at[0]);
    const min = values[0] - at[0] * perPixel;
    zoom.value = { min, max: min + chart.over.clientWidth * perPixel };
  });
  const move = (event: TouchEvent): void => {
    const places = placesOf(event);
    if (held === undefined || places === undefined) return;
    event.preventDefault();
    lieOn(places, held);
  };
  const { root } = chart;
  root.addEventListener('touchstart', start, { passive: true });
  root.addEventListener('touchend', start, { passive: true });
  root.addEventListener('touchmove', move, { passive: false });
  return () => {
    root.removeEventListener('touchstart', start);
    root.removeEventListener('touchend', start);
    root.removeEventListener('touchmove', move);
  };
}

/** Of what comes before a frame the last counts: a mouse may tell of itself a thousand times a second. */
function onceAFrame<T extends unknown[]>(action: (...latest: T) => void): (...told: T) => void {
  let latest: T | undefined;
  return (...told) => {
    if (latest === undefined) {
      requestAnimationFrame(() => {
        const last = latest!;
        latest = undefined;
        action(...last);
      });
    }
    latest = told;
  };
}

/** In pixels. */
const leastSpread = 20;
