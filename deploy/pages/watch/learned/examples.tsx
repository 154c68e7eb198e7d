// The test images of one cell of the confusion matrix.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { DatasetShape } from '../../../../shared/contracts.ts';
import { percent } from '../../join/wording.ts';
import { ask } from '../api.ts';
import { fromBase64, Pixels } from './pixels.tsx';

export interface Cell {
  readonly label: number;
  readonly answer: number;
}

interface Example {
  readonly image: number;
  readonly confidence: number;
  readonly pixels: Uint8Array;
}

interface ExamplesProps {
  readonly cell: Cell;
  /** Of the weights that were evaluated: with others the images are others, too. */
  readonly version: number;
  readonly classNames: readonly string[];
  readonly shape: DatasetShape;
}

export function Examples({ cell, version, classNames, shape }: ExamplesProps) {
  const examples = useSignal<readonly Example[] | undefined>(undefined);
  useEffect(() => {
    const abort = new AbortController();
    fetchExamples(cell, abort.signal).then(
      (fetched) => {
        examples.value = fetched;
      },
      // The coordinator is away, or another cell was chosen: those on screen stay.
      () => undefined,
    );
    return () => abort.abort();
  }, [cell, version]);
  const [label, answer] = [classNames[cell.label], classNames[cell.answer]];
  return (
    <div class="examples" role="status">
      <h3>
        {label} read as {answer}
      </h3>
      {examples.value?.length === 0 && (
        <p class="hint">The coordinator knows them after its next evaluation.</p>
      )}
      <ul class="gallery">
        {examples.value?.map(({ image, confidence, pixels }) => (
          <li key={image}>
            <Pixels
              {...shape}
              pixels={pixels}
              label={`Test image ${image}: a ${label}, read as ${answer}`}
            />
            <span>{percent(confidence)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

interface ExamplesAnswer {
  readonly images: readonly {
    readonly image: number;
    readonly confidence: number;
    readonly pixels: string;
  }[];
}

async function fetchExamples({ label, answer }: Cell, signal: AbortSignal): Promise<Example[]> {
  const response = await ask(`api/v1/examples?label=${label}&answer=${answer}`, { signal });
  const { images }: ExamplesAnswer = await response.json();
  return images.map(({ pixels, ...about }) => ({ ...about, pixels: fromBase64(pixels) }));
}
