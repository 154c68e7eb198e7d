import type { DatasetSource } from '../contracts.ts';

/** Any folders of PNGs: their names are the classes. */
export const ownImages: DatasetSource = { title: 'PNG data', format: 'png' };
