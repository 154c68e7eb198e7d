import type { DatasetSource } from '../contracts.ts';

/** Any four IDX files: the labels say how many classes there are. */
export const ownIdx: DatasetSource = { title: 'IDX data', format: 'idx' };
