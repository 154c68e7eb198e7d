// The IDX format of the MNIST files: a big-endian header of sizes, then one byte a value.

export interface IdxImages {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  /** One image after the other, row by row: a view of the file's bytes. */
  readonly pixels: Uint8Array;
}

// The last byte of a magic number is how many sizes follow it.
const imagesMagic = 0x00000803;
const labelsMagic = 0x00000801;

/** Throws what was expected and what was found, without the file's name. */
export function parseIdxImages(bytes: Uint8Array): IdxImages {
  const { sizes, values } = parseIdx(bytes, imagesMagic);
  const [count, rows, columns] = sizes;
  return { count, rows, columns, pixels: values };
}

/** One class index an image: a view of the file's bytes. Throws like `parseIdxImages`. */
export function parseIdxLabels(bytes: Uint8Array): Uint8Array {
  return parseIdx(bytes, labelsMagic).values;
}

function parseIdx(bytes: Uint8Array, magic: number): { sizes: number[]; values: Uint8Array } {
  const dimensions = magic & 0xff;
  const headerBytes = 4 + 4 * dimensions;
  if (bytes.length < headerBytes) {
    throw new Error(`truncated: expected a header of ${headerBytes} bytes, found ${bytes.length}`);
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const found = header.getUint32(0);
  if (found !== magic) {
    throw new Error(`wrong kind of file: expected magic ${hex(magic)}, found ${hex(found)}`);
  }
  const sizes = Array.from({ length: dimensions }, (_, at) => header.getUint32(4 + 4 * at));
  if (sizes.includes(0)) {
    throw new Error(`empty: expected sizes of at least 1, found ${sizes.join(' x ')}`);
  }
  const expectedBytes = headerBytes + sizes.reduce((product, size) => product * size, 1);
  if (bytes.length !== expectedBytes) {
    const fault = bytes.length < expectedBytes ? 'truncated' : 'trailing bytes';
    const content = `${sizes.join(' x ')} values and a header of ${headerBytes}`;
    throw new Error(
      `${fault}: expected ${expectedBytes} bytes (${content}), found ${bytes.length}`,
    );
  }
  const start = bytes.byteOffset + headerBytes;
  return { sizes, values: new Uint8Array(bytes.buffer, start, expectedBytes - headerBytes) };
}

function hex(magic: number): string {
  return `0x${magic.toString(16).padStart(8, '0')}`;
}
