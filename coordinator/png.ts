// PNG files as brightness: what a network is trained on and what it is shown later are read alike.
import { convertIndexedToRgb, type DecodedPng, decode, hasPngSignature } from 'fast-png';
import type { Picture } from '../shared/picture.ts';

/**
 * What the header says, before any pixel is unpacked. Throws what the file is instead, without its
 * name: `a damaged PNG: ...`.
 */
export function pngSize(bytes: Uint8Array): Pick<Picture, 'rows' | 'columns'> {
  if (!hasPngSignature(bytes)) throw new Error('not a PNG image');
  if (bytes.length < headerEnd) throw new Error('a damaged PNG: it ends within its header');
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerEnd);
  const [rows, columns] = [header.getUint32(20), header.getUint32(16)];
  if (rows * columns === 0) throw new Error('a damaged PNG: it has no pixels');
  return { rows, columns };
}

/** The signature and the first chunk, IHDR, with its checksum. */
const headerEnd = 8 + 25;

/** Throws like `pngSize`. */
export function decodePng(bytes: Uint8Array): Picture {
  const { rows, columns } = pngSize(bytes);
  const [depth, interlaced] = [bytes[24], bytes[28]];
  // fast-png decodes these to noise.
  if (depth < 8 && interlaced) throw new Error(`an interlaced PNG of ${depth} bits`);
  try {
    const picture = brightness(decode(bytes, { checkCrc: true }));
    if (picture.rows === rows && picture.columns === columns) return picture;
    throw new Error('it has two headers');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // fast-png ends some with a colon, before a cause that says nothing more.
    throw new Error(`a damaged PNG: ${reason.replace(/:$/, '')}`, { cause: error });
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
