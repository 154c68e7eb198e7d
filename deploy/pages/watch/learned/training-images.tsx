// A few of the images that the network learns from, with their labels; one that is chosen is read.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { DatasetShape } from '../../../../shared/contracts.ts';
import { ask } from '../api.ts';
import { fromBase64, Pixels } from './pixels.tsx';

interface TrainingImage {
  readonly image: number;
  readonly label: number;
  readonly pixels: Uint8Array;
}

interface TrainingImagesProps {
  readonly shape: DatasetShape;
  readonly classNames: readonly string[];
  readonly onTake: (pixels: Uint8Array) => void;
}

export function TrainingImages({ shape, classNames, onTake }: TrainingImagesProps) {
  const images = useSignal<readonly TrainingImage[]>([]);
  useEffect(() => {
    fetchTrainingImages().then(
      (fetched) => {
        images.value = fetched;
      },
      () => undefined,
    );
  }, []);
  return (
    <>
      <p class="hint">Or take one of the training images:</p>
      <ul class="gallery training">
        {images.value.map(({ image, label, pixels }) => (
          <li key={image}>
            <button type="button" onClick={() => onTake(pixels)}>
              <Pixels
                {...shape}
                pixels={pixels}
                label={`Training image ${image}: ${classNames[label]}`}
              />
            </button>
            <span aria-hidden="true">{classNames[label]}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

interface TrainingImagesAnswer {
  readonly images: readonly {
    readonly image: number;
    readonly label: number;
    readonly pixels: string;
  }[];
}

async function fetchTrainingImages(): Promise<TrainingImage[]> {
  const response = await ask('api/v1/training-images');
  const { images }: TrainingImagesAnswer = await response.json();
  return images.map(({ pixels, ...about }) => ({ ...about, pixels: fromBase64(pixels) }));
}
