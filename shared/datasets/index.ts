// The registry of data sets: a new one is a file here and a line below.
import type { DatasetSource } from '../contracts.ts';
import { fashionMnist } from './fashion-mnist.ts';
import { mnist } from './mnist.ts';
import { ownIdx } from './own-idx.ts';
import { ownImages } from './own-images.ts';

export const datasets = {
  mnist,
  'fashion-mnist': fashionMnist,
  idx: ownIdx,
  images: ownImages,
} satisfies Record<string, DatasetSource>;

export type DatasetName = keyof typeof datasets;
export const datasetNames = Object.keys(datasets) as DatasetName[];
