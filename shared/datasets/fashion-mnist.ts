import type { DatasetSource } from '../contracts.ts';

export const fashionMnist: DatasetSource = {
  title: 'Fashion-MNIST',
  format: 'idx',
  classNames: [
    'T-shirt/top',
    'Trouser',
    'Pullover',
    'Dress',
    'Coat',
    'Sandal',
    'Shirt',
    'Sneaker',
    'Bag',
    'Ankle boot',
  ],
};
