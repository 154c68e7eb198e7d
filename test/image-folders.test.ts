import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encode, type ImageData } from 'fast-png';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { DataError } from '../coordinator/data-error.ts';
import { type DatasetRequest, loadDataset } from '../coordinator/dataset-files.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Grey, 2 wide and 1 high. */
const grey = (...data: number[]) => png({ width: 2, height: 1, channels: 1, data });
const png = ({ data, ...image }: Omit<ImageData, 'data'> & { data: number[] }) =>
  encode({ ...image, data: image.depth === 16 ? Uint16Array.from(data) : Uint8Array.from(data) });

/** Files by path, where they differ from the usual; a folder has no content. */
type Files = Record<string, Uint8Array | 'folder' | undefined>;

const usualFiles: Files = {
  'train/b/2.png': grey(3, 4),
  'train/b/10.png': grey(1, 2),
  'train/Z/0.png': grey(5, 6),
  'train/é/0.png': grey(7, 8),
  'test/é/0.png': grey(9, 10),
  'test/b/0.png': grey(11, 12),
};

describe('folders of PNGs', () => {
  it('are sorted by code unit, classes and files alike', async () => {
    const { dataset } = await load();
    expect(dataset).toEqual({
      shape: {
        trainSamples: 4,
        testSamples: 2,
        rows: 1,
        columns: 2,
        classes: 3,
        classNames: ['Z', 'b', 'é'],
      },
      train: { images: Uint8Array.of(5, 6, 1, 2, 3, 4, 7, 8), labels: Uint8Array.of(0, 1, 1, 2) },
      test: { images: Uint8Array.of(11, 12, 9, 10), labels: Uint8Array.of(1, 2) },
    });
  });

  it('may hold what a desktop hides in them', async () => {
    const hidden = {
      'train/.DS_Store': Buffer.from('view'),
      'test/b/._0.png': Buffer.from('fork'),
    };
    expect(await load(hidden)).toEqual(await load());
  });

  it.each<[string, Uint8Array]>([
    ['colour', png({ width: 2, height: 1, channels: 3, data: [255, 0, 0, 0, 255, 0] })],
    ['16 bits', png({ width: 2, height: 1, channels: 1, depth: 16, data: [19_532, 38_550] })],
    ['alpha, on white', png({ width: 2, height: 1, channels: 2, data: [0, 179, 0, 105] })],
    [
      'a palette',
      png({
        width: 2,
        height: 1,
        channels: 1,
        palette: [
          [150, 150, 150],
          [76, 76, 76],
        ],
        data: [1, 0],
      }),
    ],
  ])('are read as brightness: %s', async (_, image) => {
    const { dataset } = await load({ 'train/Z/0.png': image });
    expect([...dataset.train.images.subarray(0, 2)]).toEqual([76, 150]);
  });

  it.each<[string, Files]>([
    ['a pixel', { 'train/Z/0.png': grey(5, 7) }],
    ['the class of an image', { 'test/b/0.png': undefined, 'test/Z/0.png': grey(11, 12) }],
    ['the name of a class', { 'train/Z/0.png': undefined, 'train/A/0.png': grey(5, 6) }],
  ])('have another hash when %s differs', async (_, files) => {
    expect((await load(files)).dataHash).not.toBe((await load()).dataHash);
  });

  it('have the hash of the pixels, whatever the files are called', async () => {
    const renamed = { 'train/Z/0.png': undefined, 'train/Z/9.PNG': grey(5, 6) };
    expect((await load(renamed)).dataHash).toBe((await load()).dataHash);
  });

  it('are each in their place, however many there are', async () => {
    const many = Array.from({ length: 200 }, (_, at) => [`train/Z/${1000 + at}.png`, grey(at, 0)]);
    const { train } = (await load(Object.fromEntries(many))).dataset;
    const firstPixels = train.images.filter((_, at) => at % 2 === 0);
    expect([...firstPixels.subarray(1, 201)]).toEqual(many.map((_, at) => at));
  });

  it('give samples of all classes, always the same, when fewer are asked for', async () => {
    const directory = await newFolder({
      ...Object.fromEntries(
        Array.from({ length: 200 }, (_, at) => [
          `train/${at < 100 ? 'b' : 'Z'}/${1000 + at}.png`,
          grey(at, 0),
        ]),
      ),
      'train/é/0.png': undefined,
      'test/é/0.png': undefined,
    });
    const draw = async () => (await loadDataset({ name, directory, trainSamples: 50 })).dataset;
    const { shape, train } = await draw();
    expect(shape).toMatchObject({ trainSamples: 50, testSamples: 1, classNames: ['Z', 'b'] });
    const ofSecond = train.labels.reduce((sum, label) => sum + label, 0);
    expect(Math.abs(ofSecond - 25)).toBeLessThan(10);
    expect(train.labels).toEqual(train.labels.toSorted());
    expect((await draw()).train).toEqual(train);
  });
});

describe('reading folders of PNGs', () => {
  it('is announced when it takes longer than three seconds', async () => {
    const directory = await newFolder();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const onSlow = vi.fn();
    const slow = loadDataset({ name, directory, onSlow });
    vi.advanceTimersByTime(2999);
    expect(onSlow).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onSlow.mock.calls).toEqual([['PNG data: reading all files takes a while.']]);
    await slow;
    await loadDataset({ name, directory, onSlow });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('folders of PNGs are refused', () => {
  const layout =
    'The folder that --data names must hold PNGs in train/<class>/ and test/<class>/, nothing else.';
  const asPng = 'Save it as a PNG without interlacing, or remove it.';

  it.each<[string, Files, string]>([
    [
      'when no test images are there',
      { 'test/b/0.png': undefined, 'test/é/0.png': undefined },
      `DIR/test cannot be read: ENOENT: no such file or directory. ${layout}`,
    ],
    [
      'when the folder of test images is empty',
      { 'test/b/0.png': undefined, 'test/é/0.png': undefined, test: 'folder' },
      `DIR/test holds no images. ${layout}`,
    ],
    [
      'when a file lies beside the classes',
      { 'train/labels.csv': grey(0, 0) },
      `DIR/train/labels.csv cannot be read: ENOTDIR: not a directory. ${layout}`,
    ],
    [
      'when a folder lies among the images',
      { 'train/b/more': 'folder' },
      `DIR/train/b/more cannot be read: EISDIR: illegal operation on a directory. ${layout}`,
    ],
    [
      'when a class is empty',
      { 'train/empty': 'folder' },
      'DIR/train/empty holds no images. Put PNGs there, or remove the folder.',
    ],
    [
      'when a class is only tested',
      { 'test/new/0.png': grey(0, 0) },
      'DIR/test/new: the training images have no class of that name. ' +
        'Add it to them, or remove it here.',
    ],
    [
      'when there is but one class',
      { 'train/Z/0.png': undefined, 'train/é/0.png': undefined },
      `DIR/train holds only the class b, so there is nothing to tell apart. ${layout}`,
    ],
    [
      'when there is no class',
      {
        'train/Z/0.png': undefined,
        'train/é/0.png': undefined,
        'train/b/2.png': undefined,
        'train/b/10.png': undefined,
        train: 'folder',
      },
      `DIR/train holds no class, so there is nothing to tell apart. ${layout}`,
    ],
    [
      'when there are too many classes',
      Object.fromEntries(Array.from({ length: 126 }, (_, at) => [`train/more ${at}`, 'folder'])),
      'DIR/train holds 129 classes, but there may only be 128. ' +
        'Leave some out, or put several into one.',
    ],
    [
      'for an image of another size',
      { 'test/b/0.png': png({ width: 1, height: 2, channels: 1, data: [1, 2] }) },
      'DIR/test/b/0.png is 1 pixels wide and 2 high, but DIR/train/Z/0.png is 2 wide and 1 high. ' +
        'Scale all images to one size.',
    ],
    [
      'for an image that is none',
      { 'train/b/notes.png': Buffer.from('GIF89a') },
      `DIR/train/b/notes.png is not a PNG image. ${asPng}`,
    ],
    [
      'for an image that was cut short',
      { 'train/b/2.png': grey(3, 4).subarray(0, 20) },
      `DIR/train/b/2.png is a damaged PNG: it ends within its header. ${asPng}`,
    ],
    [
      'for an image whose pixels were cut short',
      { 'train/b/2.png': grey(3, 4).subarray(0, 45) },
      `DIR/train/b/2.png is a damaged PNG: Error while decompressing the data. ${asPng}`,
    ],
    [
      'for an image that was changed',
      { 'train/b/2.png': altered(grey(3, 4)) },
      expect.stringMatching(/^DIR\/train\/b\/2\.png is a damaged PNG: CRC mismatch.* Save it as/),
    ],
    [
      'for images too large for any network here, before they are unpacked',
      { 'train/Z/0.png': declared(4000, 3000) },
      'DIR/train/Z/0.png holds 12000000 pixels an image, but there may only be 262144, such as ' +
        '512 x 512. Scale all images down.',
    ],
  ])('%s', async (_, files, message) => {
    const directory = await newFolder(files);
    const error = await refusal({ name, directory });
    expect(error.message.replaceAll(directory, 'DIR')).toEqual(message);
  });

  it.each([0, 5, 1.5])('when they cannot give %d samples', async (trainSamples) => {
    const directory = await newFolder();
    expect((await refusal({ name, directory, trainSamples })).message).toBe(
      `${join(directory, 'train')} holds 4 images, but ${trainSamples} of them were asked for. ` +
        'Ask for 1 to 4.',
    );
  });

  it('when nobody says where they are', async () => {
    expect((await refusal({ name })).message).toBe(
      'PNG data does not come with tutti. Pass a folder with --data that holds PNGs in ' +
        'train/<class>/ and test/<class>/.',
    );
  });
});

const name = 'images';

async function load(files?: Files) {
  return loadDataset({ name, directory: await newFolder(files) });
}

async function newFolder(changes: Files = {}): Promise<string> {
  const folder = await temporaryDirectory();
  for (const [file, content] of Object.entries({ ...usualFiles, ...changes })) {
    const path = join(folder, file);
    if (content === 'folder') await mkdir(path, { recursive: true });
    else if (content) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
  }
  return folder;
}

async function refusal(request: DatasetRequest): Promise<Error> {
  const error = await loadDataset(request).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DataError);
  return error as DataError;
}

/** One bit of the last chunk's checksum is another. */
function altered(bytes: Uint8Array): Uint8Array {
  return bytes.with(bytes.length - 1, bytes[bytes.length - 1] ^ 1);
}

/** A header that promises this many pixels, and nothing behind it. */
function declared(width: number, height: number): Uint8Array {
  const bytes = grey(0, 0).slice(0, 33);
  const header = new DataView(bytes.buffer);
  header.setUint32(16, width);
  header.setUint32(20, height);
  return bytes;
}
