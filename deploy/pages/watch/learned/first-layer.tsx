// What each neuron of the first layer looks for: its weights as a picture.
import { useEffect, useRef } from 'preact/hooks';
import type { DatasetShape } from '../../../../shared/contracts.ts';
import { integer } from '../../join/wording.ts';
import { theme } from '../charts/options.ts';
import { network, weights } from './weights-store.ts';

const neuronsShown = 60;
/** On a phone they would be too small side by side. */
const perRow = matchMedia('(max-width: 40rem)').matches ? 10 : 20;
/** Pixels between the pictures. */
const gap = 2;

export function FirstLayer({ shape }: { readonly shape: DatasetShape }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { rows, columns } = shape;
  const [first] = network.value?.model.parameters ?? [];
  const count = Math.min(neuronsShown, first?.shape[0] ?? 0);
  useEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    if (weights.value === undefined || first === undefined) return;
    const { values } = weights.value;
    for (let neuron = 0; neuron < count; neuron++) {
      const start = first.offset + neuron * rows * columns;
      const picture = colours(values.subarray(start, start + rows * columns));
      const x = (neuron % perRow) * (columns + gap);
      const y = Math.floor(neuron / perRow) * (rows + gap);
      context.putImageData(new ImageData(picture, columns, rows), x, y);
    }
  }, [weights.value, count, theme.value]);
  return (
    <section class="card first-layer" aria-labelledby="first-layer-title">
      <h2 id="first-layer-title">What it looks for</h2>
      <p class="hint">
        The weights of {count === 0 ? 'the first' : integer(count)} neurons of the first layer:
        orange where ink speaks for them, blue where it speaks against them.
      </p>
      <canvas
        class="pixels"
        ref={canvas}
        width={perRow * (columns + gap) - gap}
        height={Math.max(1, Math.ceil(count / perRow)) * (rows + gap) - gap}
        role="img"
        aria-label={`Weights of ${count} neurons as pictures`}
      />
    </section>
  );
}

/** Scaled to the largest of them. */
function colours(values: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  const largest = values.reduce((peak, value) => Math.max(peak, Math.abs(value)), 1e-12);
  const pixels = new Uint8ClampedArray(4 * values.length);
  // Tens of thousands, while somebody may be drawing: no array for each of them.
  for (let at = 0; at < values.length; at++) {
    const part = Math.abs(values[at]) / largest;
    const isFor = values[at] > 0;
    pixels[4 * at] = part * (isFor ? 255 : 98);
    pixels[4 * at + 1] = part * (isFor ? 146 : 168);
    pixels[4 * at + 2] = part * (isFor ? 87 : 255);
    pixels[4 * at + 3] = 255;
  }
  return pixels;
}
