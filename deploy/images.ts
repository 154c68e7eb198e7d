// Turns what a user names, a PNG or `idx:N` of the test set, into an image for the network.
import { readFile } from 'node:fs/promises';
import { convertIndexedToRgb, type DecodedPng, decode, hasPngSignature } from 'fast-png';
import { frameInk, lightOnDark, type Picture } from './picture.ts';

export interface ImageTarget {
  readonly rows: number;
  readonly columns: number;
  /** The images of the test set, one after the other. */
  readonly testImages: Uint8Array;
}

/** `rows * columns` pixels for the engine. Throws an Error whose message is for the user. */
export async function readImage(spec: string, target: ImageTarget): Promise<Uint8Array> {
  if (spec.startsWith('idx:')) return testImage(spec, target);
  const { rows, columns } = target;
  const picture = lightOnDark(await readPng(spec));
  const fits = picture.rows === rows && picture.columns === columns;
  const framed = fits ? picture : frameInk(picture, rows, columns);
  if (framed === undefined) {
    throw new Error(`${spec} is blank: nothing in it stands out from its border.`);
  }
  return Uint8Array.from(framed.values, Math.round);
}

function testImage(spec: string, { rows, columns, testImages }: ImageTarget): Uint8Array {
  const imageBytes = rows * columns;
  const count = testImages.length / imageBytes;
  const digits = spec.slice('idx:'.length);
  const index = Number(digits);
  if (!/^\d+$/.test(digits) || index >= count) {
    throw new Error(
      `There is no test image "${digits}": write idx:N with a number from 0 to ${count - 1}.`,
    );
  }
  return testImages.subarray(index * imageBytes, (index + 1) * imageBytes);
}

async function readPng(path: string): Promise<Picture> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The image ${path} cannot be read: ${reason}. Pass a PNG file or idx:N.`, {
      cause: error,
    });
  }
  if (!hasPngSignature(bytes)) {
    throw new Error(`${path} is not a PNG image. Save it as one, or pass idx:N for a test image.`);
  }
  const [depth, interlaced] = [bytes[24], bytes[28]];
  if (depth < 8 && interlaced) {
    // fast-png decodes these to noise.
    throw new Error(`${path} is an interlaced PNG of ${depth} bits. Save it without interlacing.`);
  }
  try {
    return brightness(decode(bytes, { checkCrc: true }));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${path} is a damaged PNG: ${reason}. Save it again.`, { cause: error });
  }
}

/** Luma of Rec. 601 over white paper. */
function brightness(png: DecodedPng): Picture {
  const { samples, channels, largest } = unpackSamples(png);
  const hasAlpha = channels === 2 || channels === 4;
  const values = new Float64Array(png.width * png.height).map((_, pixel) => {
    const at = pixel * channels;
    const luma =
      channels < 3
        ? samples[at]
        : 0.299 * samples[at] + 0.587 * samples[at + 1] + 0.114 * samples[at + 2];
    const alpha = hasAlpha ? samples[at + channels - 1] / largest : 1;
    return (255 * luma * alpha) / largest + 255 * (1 - alpha);
  });
  return { rows: png.height, columns: png.width, values };
}

interface Samples {
  readonly samples: ArrayLike<number>;
  readonly channels: number;
  /** What white is. */
  readonly largest: number;
}

/** Palette images become colours; grey of 1, 2 or 4 bits is read through a palette of greys. */
function unpackSamples(png: DecodedPng): Samples {
  const { channels, depth, data } = png;
  if (depth < 8 || (channels === 1 && png.palette)) {
    const palette = png.palette ?? greyPalette(2 ** depth);
    const samples = convertIndexedToRgb({ ...png, palette });
    return { samples, channels: palette[0].length, largest: 255 };
  }
  return { samples: data, channels, largest: 2 ** depth - 1 };
}

function greyPalette(levels: number): number[][] {
  return Array.from({ length: levels }, (_, level) => Array(3).fill((255 * level) / (levels - 1)));
}
