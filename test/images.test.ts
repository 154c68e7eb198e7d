import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode, type ImageData } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadDataset } from '../coordinator/dataset-files.ts';
import { readImage } from '../deploy/images.ts';

let folder: string;
let testImages: Uint8Array;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tutti-images-'));
  testImages = (await loadDataset({ name: 'mnist' })).dataset.test.images;
});
afterAll(() => rm(folder, { recursive: true }));

const read = (spec: string) => readImage(spec, { rows: 28, columns: 28, testImages });

async function readFileOf(bytes: Uint8Array): Promise<Uint8Array> {
  const path = join(folder, 'image.png');
  await writeFile(path, bytes);
  return read(path);
}

const readPng = (image: ImageData) => readFileOf(encode(image));

/** A white page with whatever `ink` draws on it: 0 is black. */
function page(width: number, height: number, ink: (row: number, column: number) => number) {
  const data = new Uint8Array(width * height);
  return {
    width,
    height,
    channels: 1,
    data: data.map((_, at) => ink(Math.floor(at / width), at % width)),
  };
}

describe('idx:N', () => {
  it('is the N-th test image', async () => {
    expect(await read('idx:0')).toEqual(testImages.subarray(0, 784));
    expect(await read('idx:9999')).toEqual(testImages.subarray(9999 * 784));
  });

  it.each(['idx:10000', 'idx:-1', 'idx:1.5', 'idx:', 'idx:two'])('refuses %s', async (spec) => {
    await expect(read(spec)).rejects.toThrow(
      `There is no test image "${spec.slice(4)}": write idx:N with a number from 0 to 9999.`,
    );
  });
});

describe('a PNG of 28 x 28 pixels', () => {
  // The first test image, a seven, in black and white so that one bit a pixel can hold it.
  const isInk = (at: number) => testImages[at] >= 128;
  const pixels = (...channels: ((at: number) => number)[]) =>
    Uint8Array.from({ length: 784 * channels.length }, (_, at) =>
      channels[at % channels.length](Math.floor(at / channels.length)),
    );
  const paper = (at: number) => (isInk(at) ? 0 : 255);
  const ink = (at: number) => 255 - paper(at);
  const none = () => 0;
  const index = (at: number) => Number(isInk(at));
  const bits = () =>
    Uint8Array.from({ length: 28 * 4 }, (_, byte) => {
      const start = Math.floor(byte / 4) * 28 + (byte % 4) * 8;
      const columns = byte % 4 === 3 ? 4 : 8;
      let packed = 0;
      for (let bit = 0; bit < columns; bit++) packed |= (paper(start + bit) & 1) << (7 - bit);
      return packed;
    });

  it.each<[string, () => Omit<ImageData, 'width' | 'height'>]>([
    ['grey', () => ({ channels: 1, data: pixels(paper) })],
    ['grey, light on dark', () => ({ channels: 1, data: pixels(ink) })],
    ['grey of 1 bit', () => ({ channels: 1, depth: 1, data: bits() })],
    [
      'grey of 16 bits',
      () => ({
        channels: 1,
        depth: 16,
        data: Uint16Array.from(pixels(ink), (value) => (value ? 100 : 65_535)),
      }),
    ],
    ['black on nothing', () => ({ channels: 2, data: pixels(none, ink) })],
    ['colour', () => ({ channels: 3, data: pixels(paper, paper, paper) })],
    ['colour on nothing', () => ({ channels: 4, data: pixels(none, none, none, ink) })],
    [
      'palette',
      () => ({
        channels: 1,
        palette: [
          [255, 255, 255],
          [0, 0, 0],
        ],
        data: pixels(index),
      }),
    ],
    [
      'palette with alpha',
      () => ({
        channels: 1,
        palette: [
          [0, 0, 0, 0],
          [0, 0, 0, 255],
        ],
        data: pixels(index),
      }),
    ],
  ])('is read as light ink on a dark ground: %s', async (_, image) => {
    expect(await readPng({ width: 28, height: 28, ...image() })).toEqual(pixels(ink));
  });

  it('weighs colours by how bright they look', async () => {
    const data = new Uint8Array(784 * 3).fill(255);
    const middle = 14 * 28 + 10;
    [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
    ].forEach((colour, at) => {
      data.set(colour, (middle + at) * 3);
    });
    const image = await readPng({ width: 28, height: 28, channels: 3, data });
    expect([...image.subarray(middle - 1, middle + 4)]).toEqual([0, 179, 105, 226, 0]);
  });
});

describe('a PNG of another size', () => {
  it('gives a digit of MNIST back that was enlarged, moved and printed on grey paper', async () => {
    const [scale, top, left, ground] = [10, 37, 150, 200];
    const enlarged = page(500, 400, (row, column) => {
      const [y, x] = [Math.floor((row - top) / scale), Math.floor((column - left) / scale)];
      const inside = y >= 0 && y < 28 && x >= 0 && x < 28;
      return ground - (inside ? (ground * testImages[y * 28 + x]) / 255 : 0);
    });
    const image = await readPng(enlarged);
    const errors = image.map((value, at) => Math.abs(value - testImages[at]));
    expect(Math.max(...errors)).toBeLessThanOrEqual(1);
  });

  it('scales the ink to 20 pixels and puts its centre of mass at (14, 14)', async () => {
    const isHook = (row: number, column: number) =>
      (column >= 10 && column < 30 && row < 210) || (row >= 190 && row < 210 && column < 110);
    const image = await readPng(
      page(300, 260, (row, column) => (row >= 10 && column >= 10 && isHook(row, column) ? 0 : 255)),
    );
    const inked = [...image.keys()].filter((at) => image[at] > 0);
    const rows = inked.map((at) => Math.floor(at / 28));
    const columns = inked.map((at) => at % 28);
    expect(Math.max(...rows) - Math.min(...rows) + 1).toBe(20);
    expect(Math.max(...columns) - Math.min(...columns) + 1).toBe(10);
    expect(Math.abs(mean(rows) - 14)).toBeLessThanOrEqual(0.5);
    expect(Math.abs(mean(columns) - 14)).toBeLessThanOrEqual(0.5);
    expect(inked.every((at) => image[at] === 255)).toBe(true);
  });

  it('averages the area that each pixel covers', async () => {
    // Thirty columns become twenty: the eleventh covers the last dark one and half a grey one.
    const image = await readPng(
      page(60, 60, (row, column) => {
        if (row < 20 || row >= 50 || column < 10 || column >= 40) return 255;
        return column < 26 ? 0 : 150;
      }),
    );
    const inked = image.filter((value) => value > 0);
    expect(inked.length).toBe(20 * 20);
    expect([...inked.subarray(0, 20)]).toEqual([
      ...Array(10).fill(255),
      205,
      ...Array(9).fill(105),
    ]);
  });

  it('takes the grain of paper for paper', async () => {
    const grain = (row: number, column: number) => 250 - ((row * 7 + column * 3) % 5);
    const isStroke = (row: number, column: number) =>
      row >= 20 && row < 120 && column >= 60 && column < 80;
    const image = await readPng(
      page(200, 200, (row, column) => (isStroke(row, column) ? 30 : grain(row, column))),
    );
    expect(image.filter((value) => value > 0)).toEqual(new Uint8Array(20 * 4).fill(255));
  });

  it('refuses a blank page', async () => {
    await expect(readPng(page(50, 50, () => 240))).rejects.toThrow(
      /image\.png is blank: nothing in it stands out from its border/,
    );
  });
});

describe('a PNG for a network that was trained on PNGs', () => {
  const readAsItIs = async (image: ImageData) => {
    const path = join(folder, 'photo.png');
    await writeFile(path, encode(image));
    return readImage(path, { rows: 3, columns: 2, testImages, asTheyAre: true });
  };

  it('stays as it is, light ground and all', async () => {
    const pixels = [255, 254, 3, 250, 255, 250];
    const image = { ...page(2, 3, () => 0), data: Uint8Array.from(pixels) };
    expect([...(await readAsItIs(image))]).toEqual(pixels);
  });

  it('is refused in another size', async () => {
    await expect(readAsItIs(page(4, 3, (row) => row))).rejects.toThrow(
      /photo\.png is 4 pixels wide and 3 high, but .* on images 2 wide and 3 high\. Scale it/,
    );
  });
});

describe('a file that is no usable PNG', () => {
  it('is refused when it is missing', async () => {
    await expect(read('/nowhere/seven.png')).rejects.toThrow(
      /The image \/nowhere\/seven\.png cannot be read: ENOENT.*Pass a PNG file or idx:N\./,
    );
  });

  it('is refused when it is of another kind', async () => {
    await expect(readFileOf(Buffer.from('GIF89a'))).rejects.toThrow(
      /image\.png is not a PNG image/,
    );
  });

  it('is refused when it is cut short or changed', async () => {
    const whole = encode(page(28, 28, (row) => row));
    await expect(readFileOf(whole.subarray(0, 60))).rejects.toThrow(
      /image\.png is a damaged PNG: /,
    );
    const checksum = whole.length - 13;
    const changed = whole.with(checksum, whole[checksum] ^ 1);
    await expect(readFileOf(changed)).rejects.toThrow(/image\.png is a damaged PNG: /);
  });

  it('is refused when it is interlaced with less than a byte a pixel', async () => {
    const interlaced = encode(page(28, 28, (row) => row));
    interlaced.set([1], 24);
    interlaced.set([1], 28);
    await expect(readFileOf(interlaced)).rejects.toThrow(/interlaced PNG of 1 bits.*without/);
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
