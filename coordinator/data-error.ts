// What the readers of data sets refuse alike, in the same words.

/** The data is missing or not usable: the message says which file, why, and what to do. */
export class DataError extends Error {
  override readonly name = 'DataError';
}

/** What the system says, without the call and the path: the path is named anyway, and not by every Node. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'syscall' in error ? error.message.split(',')[0] : error.message;
}

/** How many of the `count` images in `path` are used, where `asked` may be fewer. Throws DataError. */
export function keptSamples(path: string, count: number, asked = count): number {
  if (Number.isInteger(asked) && asked >= 1 && asked <= count) return asked;
  throw new DataError(
    `${path} holds ${count} images, but ${asked} of them were asked for. Ask for 1 to ${count}.`,
  );
}

/** Each pixel has a weight for every neuron of the first layer, and all weights travel at every step. */
const maxImagePixels = 2 ** 18;

/** Throws DataError for images of `pixels` pixels in `path` if no network here could take them. */
export function refuseLargeImages(path: string, pixels: number): void {
  if (pixels <= maxImagePixels) return;
  throw new DataError(
    `${path} holds ${pixels} pixels an image, but there may only be ${maxImagePixels}, ` +
      'such as 512 x 512. Scale all images down.',
  );
}
