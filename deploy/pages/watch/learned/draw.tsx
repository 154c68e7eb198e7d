// Draw a digit, or take a training image: the network of this moment says what it reads.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { RunConfig } from '../../../../shared/config.ts';
import { frameInk, pixelsOf } from '../../../../shared/picture.ts';
import { integer, percent } from '../../join/wording.ts';
import { isDashboard } from '../store.ts';
import { Pixels } from './pixels.tsx';
import { openSketch, type Sketch, sketchSize } from './sketch.ts';
import { TrainingImages } from './training-images.tsx';
import { network, refreshWeights, weights } from './weights-store.ts';

interface DrawProps {
  readonly config: RunConfig;
  readonly classNames: readonly string[];
}

export function Draw({ config, classNames }: DrawProps) {
  const { rows, columns } = config.shape;
  const canvas = useRef<HTMLCanvasElement>(null);
  const sketch = useRef<Sketch>(undefined);
  const shown = useSignal<Uint8Array | undefined>(undefined);
  const probabilities = useSignal<readonly number[] | undefined>(undefined);

  const draw = (): void => {
    void refreshWeights(config);
    const framed = frameInk(sketch.current!.picture(), rows, columns);
    read(framed && pixelsOf(framed));
  };
  const take = (pixels: Uint8Array): void => {
    void refreshWeights(config);
    sketch.current!.clear();
    read(pixels);
  };
  /** At once: an effect would come a frame later. */
  const read = (pixels: Uint8Array | undefined): void => {
    shown.value = pixels;
    if (pixels === undefined) probabilities.value = undefined;
    if (pixels === undefined || network.value === undefined || weights.value === undefined) return;
    network.value.read(weights.value, pixels).then((answer) => {
      if (shown.value === pixels) probabilities.value = answer;
    });
  };
  useEffect(() => {
    sketch.current = openSketch(canvas.current!, draw);
  }, []);
  // Newer weights may read the same otherwise.
  useEffect(() => read(shown.value), [weights.value]);

  return (
    <section class="card draw" aria-labelledby="draw-title">
      <h2 id="draw-title">Draw a digit</h2>
      <div class="desk">
        <div class="sketch">
          <canvas
            ref={canvas}
            width={sketchSize}
            height={sketchSize}
            role="img"
            aria-label="Draw here with the mouse or a finger"
          />
          <button
            type="button"
            onClick={() => {
              sketch.current!.clear();
              read(undefined);
            }}
          >
            Clear
          </button>
        </div>
        <Probabilities probabilities={probabilities.value} classNames={classNames} />
      </div>
      <p class="hint">
        {shown.value !== undefined && (
          <Pixels
            rows={rows}
            columns={columns}
            pixels={shown.value}
            label="As the network sees it"
          />
        )}
        {weights.value === undefined
          ? 'The weights are on their way.'
          : `Read in this page with the weights after step ${integer(weights.value.version)}.`}
      </p>
      {!isDashboard.value && (
        <TrainingImages shape={config.shape} classNames={classNames} onTake={take} />
      )}
    </section>
  );
}

interface ProbabilitiesProps {
  readonly probabilities: readonly number[] | undefined;
  readonly classNames: readonly string[];
}

function Probabilities({ probabilities, classNames }: ProbabilitiesProps) {
  const best = probabilities?.indexOf(Math.max(...probabilities));
  return (
    <div class="answer">
      <p class="verdict" role="status">
        {best === undefined || probabilities === undefined
          ? 'Nothing is drawn yet.'
          : `It reads ${classNames[best]}, ${percent(probabilities[best])} sure.`}
      </p>
      <ol class="bars">
        {classNames.map((name, at) => (
          <li key={name} class={at === best ? 'best' : undefined}>
            <span>{name}</span>
            <span
              class="bar"
              aria-hidden="true"
              style={{ '--part': `${100 * (probabilities?.[at] ?? 0)}%` }}
            />
            <span>{probabilities === undefined ? '' : percent(probabilities[at])}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
