// Finds the four IDX files of a data set on this computer and refuses any that is not right.
import { createHash, hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { maxClasses } from '../shared/config.ts';
import type { DatasetSource, IdxFileName } from '../shared/contracts.ts';
import { parseIdxImages, parseIdxLabels } from '../shared/datasets/idx.ts';
import { DataError, keptSamples, reasonOf, refuseLargeImages } from './data-error.ts';
import type { DatasetRequest, ReadDataset, ReadSplit } from './dataset-files.ts';

const unpack = promisify(gunzip);

/** Throws DataError. */
export async function readIdxFiles(
  source: DatasetSource,
  { directory, trainSamples, testSamples }: DatasetRequest,
): Promise<ReadDataset> {
  const folder = await openFolder(source, directory);
  const train = await loadSplit(folder, 'train', trainSamples);
  const test = await loadSplit(folder, 't10k', testSamples);
  if (train.rows !== test.rows || train.columns !== test.columns) {
    const sizes = `${train.rows} x ${train.columns} and ${test.rows} x ${test.columns} pixels`;
    throw new DataError(
      `${source.title}: training and test images must have one size, but ${folder.path} holds ` +
        `${sizes}. ${folder.remedy}`,
    );
  }
  const shape = {
    trainSamples: train.slice.labels.length,
    testSamples: test.slice.labels.length,
    rows: train.rows,
    columns: train.columns,
    classes: source.classNames?.length ?? Math.max(train.largestLabel, test.largestLabel) + 1,
  };
  return { shape, train, test };
}

interface Folder {
  readonly source: DatasetSource;
  readonly path: string;
  readonly entries: ReadonlySet<string>;
  /** What the user can do about a bad file in it. */
  readonly remedy: string;
}

async function openFolder(source: DatasetSource, directory?: string): Promise<Folder> {
  const path = directory ?? packageFolder(source);
  const remedy =
    directory === undefined
      ? `Delete ${dirname(path)} and run npm ci.`
      : 'Put a good copy there, or pass another folder with --data.';
  try {
    return { source, path, remedy, entries: new Set(await readdir(path)) };
  } catch (error) {
    throw new DataError(
      `${source.title}: the folder ${path} cannot be read: ${reasonOf(error)}. ${remedy}`,
      { cause: error },
    );
  }
}

/** Only the package's files are used: its code never runs. */
function packageFolder({ title, npmPackage }: DatasetSource): string {
  if (npmPackage === undefined) {
    throw new DataError(
      `${title} does not come with tutti. Pass the folder that holds its four files with --data: ` +
        'train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and ' +
        't10k-labels-idx1-ubyte, each plain or .gz.',
    );
  }
  try {
    const manifest = createRequire(import.meta.url).resolve(`${npmPackage}/package.json`);
    return join(dirname(manifest), 'data');
  } catch (error) {
    throw new DataError(
      `${title}: the npm package ${npmPackage}, which holds its files, is not installed. ` +
        'Run npm ci, or pass a folder with --data.',
      { cause: error },
    );
  }
}

interface Split extends ReadSplit {
  readonly rows: number;
  readonly columns: number;
  /** Of all labels, those of samples that are not used included. */
  readonly largestLabel: number;
}

async function loadSplit(
  folder: Folder,
  split: 'train' | 't10k',
  samples?: number,
): Promise<Split> {
  const { source, remedy } = folder;
  const imageFile = await readDataFile(folder, `${split}-images-idx3-ubyte`);
  const labelFile = await readDataFile(folder, `${split}-labels-idx1-ubyte`);
  const { count, rows, columns, pixels } = parse(imageFile, parseIdxImages, remedy);
  const labels = parse(labelFile, parseIdxLabels, remedy);
  refuseLargeImages(imageFile.path, rows * columns);
  if (labels.length !== count) {
    throw new DataError(
      `${imageFile.path} holds ${count} images, but ${labelFile.path} holds ${labels.length} ` +
        `labels: they are not of one data set. ${remedy}`,
    );
  }
  const classes = source.classNames?.length ?? maxClasses;
  const foreign = labels.findIndex((label) => label >= classes);
  if (foreign !== -1) {
    const owner = source.classNames ? `${source.title} has only` : 'there may only be';
    throw new DataError(
      `${labelFile.path}: label ${foreign} is ${labels[foreign]}, but ${owner} ` +
        `the classes 0 to ${classes - 1}. ${remedy}`,
    );
  }
  const largestLabel = labels.reduce((largest, label) => Math.max(largest, label));
  if (split === 'train' && labels.every((label) => label === largestLabel)) {
    throw new DataError(
      `${labelFile.path}: all labels are ${largestLabel}, so there is nothing to tell apart. ` +
        remedy,
    );
  }
  const kept = keptSamples(imageFile.path, count, samples);
  const images = takeFirst(kept, count, pixels, imageFile);
  const targets = takeFirst(kept, count, labels, labelFile);
  const slice = { images: images.values, labels: targets.values };
  return { slice, rows, columns, largestLabel, hashes: [images.sha256, targets.sha256] };
}

/**
 * The first samples of a file, and the SHA-256 of the file that would hold them alone: the whole
 * file, already hashed, need not be hashed again.
 */
function takeFirst(
  kept: number,
  count: number,
  values: Uint8Array,
  file: DataFile,
): { values: Uint8Array; sha256: string } {
  if (kept === count) return { values, sha256: file.sha256 };
  const first = values.subarray(0, (values.length / count) * kept);
  const header = new Uint8Array(file.bytes.subarray(0, file.bytes.length - values.length));
  new DataView(header.buffer).setUint32(4, kept);
  return { values: first, sha256: createHash('sha256').update(header).update(first).digest('hex') };
}

interface DataFile {
  readonly path: string;
  /** Unpacked. */
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** Reads the plain file where there is one, else the packed one, by either of the names in use. */
async function readDataFile(folder: Folder, name: IdxFileName): Promise<DataFile> {
  const { source, remedy } = folder;
  const plainNames = [name, name.replace('-idx', '.idx')];
  const names = [...plainNames, ...plainNames.map((plain) => `${plain}.gz`)];
  const present = names.find((candidate) => folder.entries.has(candidate));
  if (present === undefined) {
    throw new DataError(
      `${source.title}: ${folder.path} holds no ${name} and no ${name}.gz. ${remedy}` +
        otherData(source),
    );
  }
  const path = join(folder.path, present);
  let bytes: Uint8Array;
  try {
    const content = await readFile(path);
    bytes = present.endsWith('.gz') ? await unpack(content) : content;
  } catch (error) {
    throw new DataError(`${path} cannot be read: ${reasonOf(error)}. ${remedy}`, { cause: error });
  }
  const expected = source.sha256?.[name];
  const found = hash('sha256', bytes);
  if (expected !== undefined && found !== expected) {
    throw new DataError(
      `${path} is not the file that ${source.title} was published with: expected SHA-256 ` +
        `${expected}, found ${found}. ${remedy}${otherData(source)}`,
    );
  }
  return { path, bytes, sha256: found };
}

/** For who brought data and did not say so. */
function otherData({ classNames }: DatasetSource): string {
  return classNames ? ' Data of your own goes by --dataset idx or --dataset images.' : '';
}

function parse<T>(file: DataFile, parser: (bytes: Uint8Array) => T, remedy: string): T {
  try {
    return parser(file.bytes);
  } catch (error) {
    throw new DataError(`${file.path} is not usable: ${reasonOf(error)}. ${remedy}`, {
      cause: error,
    });
  }
}
