// Moving along the curves: by keys, and by dragging with Shift held down.
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
    const move = ({ clientX }: MouseEvent): void => {
      const shift = (event.clientX - clientX) * perPixel;
      zoom.value = { min: min + shift, max: max + shift };
    };
    addEventListener('mousemove', move);
    addEventListener('mouseup', () => removeEventListener('mousemove', move), { once: true });
  };
  chart.root.addEventListener('mousedown', start, { capture: true });
  return () => chart.root.removeEventListener('mousedown', start, { capture: true });
}
