// Turns what a user names, a PNG or `idx:N` of the test set, into an image for the network.
import { readFile } from 'node:fs/promises';
import { decodePng } from '../coordinator/png.ts';
import { frameInk, lightOnDark, type Picture, pixelsOf } from '../shared/picture.ts';

export interface ImageTarget {
  readonly rows: number;
  readonly columns: number;
  /** The images of the test set, one after the other. */
  readonly testImages: Uint8Array;
  /** The network was trained on PNGs as they are, not on ink in the frame of MNIST. */
  readonly asTheyAre?: boolean;
}

/** `rows * columns` pixels for the engine. Throws an Error whose message is for the user. */
export async function readImage(spec: string, target: ImageTarget): Promise<Uint8Array> {
  if (spec.startsWith('idx:')) return testImage(spec, target);
  const { rows, columns } = target;
  const original = await readPicture(spec);
  const fits = original.rows === rows && original.columns === columns;
  if (target.asTheyAre) {
    if (fits) return pixelsOf(original);
    throw new Error(
      `${spec} is ${original.columns} pixels wide and ${original.rows} high, but the network was ` +
        `trained on images ${columns} wide and ${rows} high. Scale it to that size.`,
    );
  }
  const picture = lightOnDark(original);
  const framed = fits ? picture : frameInk(picture, rows, columns);
  if (framed === undefined) {
    throw new Error(`${spec} is blank: nothing in it stands out from its border.`);
  }
  return pixelsOf(framed);
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

async function readPicture(path: string): Promise<Picture> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The image ${path} cannot be read: ${reason}. Pass a PNG file or idx:N.`, {
      cause: error,
    });
  }
  try {
    return decodePng(bytes);
  } catch (error) {
    throw new Error(
      `${path} is ${(error as Error).message}. ` +
        'Save it as a PNG without interlacing, or pass idx:N for a test image.',
      { cause: error },
    );
  }
}
