// Reads the PNGs in `train/<class>/` and `test/<class>/` and refuses any that is not right.
import { hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { maxClasses } from '../shared/config.ts';
import type { DatasetSource } from '../shared/contracts.ts';
import { pixelsOf } from '../shared/picture.ts';
import { createRandom, permutation } from '../shared/random.ts';
import { DataError, keptSamples, reasonOf, refuseLargeImages } from './data-error.ts';
import type { DatasetRequest, ReadDataset, ReadSplit } from './dataset-files.ts';
import { decodePng, pngSize } from './png.ts';

const maxBytes = 2 ** 31;
/** Open at once: enough to hide the disk, fewer than any system allows. */
const filesAtOnce = 64;

const layout =
  'The folder that --data names must hold PNGs in train/<class>/ and test/<class>/, nothing else.';

/** Throws DataError. */
export async function readImageFolders(
  { title }: DatasetSource,
  { directory, trainSamples, testSamples }: DatasetRequest,
): Promise<ReadDataset> {
  if (directory === undefined) {
    throw new DataError(
      `${title} does not come with tutti. Pass a folder with --data that holds PNGs in ` +
        'train/<class>/ and test/<class>/.',
    );
  }
  const trainFolder = join(directory, 'train');
  const classNames = await listFolder(trainFolder);
  refuseClasses(trainFolder, classNames);
  const train = await chooseFiles(trainFolder, classNames, trainSamples);
  const test = await chooseFiles(join(directory, 'test'), classNames, testSamples);
  const model = await openModel(directory, train[0].path, train.length + test.length);
  const shape = {
    trainSamples: train.length,
    testSamples: test.length,
    rows: model.rows,
    columns: model.columns,
    classes: classNames.length,
    classNames,
  };
  return { shape, train: await readSplit(train, model), test: await readSplit(test, model) };
}

/** In an order that neither the file system nor the language of the machine has a say in: by code unit. */
async function listFolder(path: string): Promise<string[]> {
  try {
    const names = await readdir(path);
    return names.filter((name) => !name.startsWith('.')).sort();
  } catch (error) {
    throw new DataError(`${path} cannot be read: ${reasonOf(error)}. ${layout}`, { cause: error });
  }
}

function refuseClasses(path: string, names: readonly string[]): void {
  if (names.length < 2) {
    const found = names.length === 0 ? 'no class' : `only the class ${names[0]}`;
    throw new DataError(`${path} holds ${found}, so there is nothing to tell apart. ${layout}`);
  }
  if (names.length > maxClasses) {
    throw new DataError(
      `${path} holds ${names.length} classes, but there may only be ${maxClasses}. ` +
        'Leave some out, or put several into one.',
    );
  }
}

interface ImageFile {
  readonly path: string;
  readonly label: number;
}

/** Sorted by class and name. Fewer than all are drawn from all classes: the first would be of one alone. */
async function chooseFiles(
  folder: string,
  classNames: readonly string[],
  samples?: number,
): Promise<ImageFile[]> {
  const files: ImageFile[] = [];
  for (const name of await listFolder(folder)) {
    const label = classNames.indexOf(name);
    const path = join(folder, name);
    if (label === -1) {
      throw new DataError(
        `${path}: the training images have no class of that name. ` +
          'Add it to them, or remove it here.',
      );
    }
    const images = await listFolder(path);
    if (images.length === 0) {
      throw new DataError(`${path} holds no images. Put PNGs there, or remove the folder.`);
    }
    for (const image of images) files.push({ path: join(path, image), label });
  }
  if (files.length === 0) throw new DataError(`${folder} holds no images. ${layout}`);
  const kept = keptSamples(folder, files.length, samples);
  const drawn = permutation(files.length, createRandom('samples')).subarray(0, kept).sort();
  return Array.from(drawn, (at) => files[at]);
}

/** The image whose size all others must have. */
interface ModelImage {
  readonly path: string;
  readonly rows: number;
  readonly columns: number;
}

async function openModel(directory: string, path: string, count: number): Promise<ModelImage> {
  const bytes = await readBytes(path);
  const { rows, columns } = understood(path, () => pngSize(bytes));
  const pixels = rows * columns;
  refuseLargeImages(path, pixels);
  if (count * pixels > maxBytes) {
    throw new DataError(
      `${directory} holds ${count} images of ${pixels} pixels, but all together may only have ` +
        `${maxBytes}. Scale them down, or ask for fewer with --train-samples.`,
    );
  }
  return { path, rows, columns };
}

async function readSplit(files: readonly ImageFile[], model: ModelImage): Promise<ReadSplit> {
  const imageBytes = model.rows * model.columns;
  const images = new Uint8Array(files.length * imageBytes);
  for (let start = 0; start < files.length; start += filesAtOnce) {
    const some = files.slice(start, start + filesAtOnce);
    await Promise.all(
      some.map(async ({ path }, at) => {
        images.set(await readPixels(path, model), (start + at) * imageBytes);
      }),
    );
  }
  const labels = Uint8Array.from(files, ({ label }) => label);
  return { slice: { images, labels }, hashes: [hash('sha256', images), hash('sha256', labels)] };
}

async function readPixels(path: string, model: ModelImage): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  const { rows, columns } = understood(path, () => pngSize(bytes));
  if (rows !== model.rows || columns !== model.columns) {
    throw new DataError(
      `${path} is ${columns} pixels wide and ${rows} high, but ${model.path} is ${model.columns} ` +
        `wide and ${model.rows} high. Scale all images to one size.`,
    );
  }
  return understood(path, () => pixelsOf(decodePng(bytes)));
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new DataError(`${path} cannot be read: ${reasonOf(error)}. ${layout}`, { cause: error });
  }
}

function understood<Result>(path: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw new DataError(
      `${path} is ${reasonOf(error)}. Save it as a PNG without interlacing, or remove it.`,
      { cause: error },
    );
  }
}
