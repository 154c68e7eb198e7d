// Walks a MessagePack value without building it: what comes from a stranger is measured before it is unpacked.

export interface ScanLimits {
  readonly maxDepth: number;
  /** Values in all, nested ones included. */
  readonly maxNodes: number;
}

/**
 * Returns the offset after the one value that starts at `from`. Throws RangeError when the bytes end early, nest
 * too deep, hold too many values, use a map key that is no string, or a type outside JSON's (no binary, no
 * extension: those can stand for records, dates and regular expressions, or for far more memory than they take).
 */
export function scanMessagePack(bytes: Uint8Array, from: number, limits: ScanLimits): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = from;
  let nodes = 0;

  const skip = (count: number): void => {
    at += count;
    if (at > bytes.length) throw new RangeError('the message ends in the middle of a value');
  };
  const length = (size: 1 | 2 | 4): number => {
    const start = at;
    skip(size);
    if (size === 1) return view.getUint8(start);
    return size === 2 ? view.getUint16(start) : view.getUint32(start);
  };
  const elements = (count: number, depth: number): void => {
    for (let index = 0; index < count; index++) value(depth + 1);
  };
  const entries = (count: number, depth: number): void => {
    for (let index = 0; index < count; index++) {
      if (!isString(bytes[at])) throw new RangeError('the message has a map key that is no string');
      value(depth + 1);
      value(depth + 1);
    }
  };
  const value = (depth: number): void => {
    if (++nodes > limits.maxNodes) throw new RangeError('the message holds too many values');
    if (depth > limits.maxDepth) throw new RangeError('the message is nested too deep');
    const start = at;
    skip(1);
    const type = bytes[start];
    if (type <= 0x7f || type >= 0xe0) return; // small integers
    if (type <= 0x8f) entries(type & 0x0f, depth);
    else if (type <= 0x9f) elements(type & 0x0f, depth);
    else if (type <= 0xbf)
      skip(type & 0x1f); // short strings
    else if (type in fixedWidths) skip(fixedWidths[type]);
    else sized(type, depth);
  };
  const sized = (type: number, depth: number): void => {
    const size = lengthWidths[type];
    if (size === undefined) {
      throw new RangeError(`the message has a value of type 0x${type.toString(16)}`);
    }
    const count = length(size);
    if (type <= 0xdb) skip(count);
    else if (type <= 0xdd) elements(count, depth);
    else entries(count, depth);
  };
  value(0);
  return at;
}

function isString(type: number): boolean {
  return (type >= 0xa0 && type <= 0xbf) || (type >= 0xd9 && type <= 0xdb);
}

/** Bytes after the type byte of nil, false, true, float32/64, uint8 ... 64, int8 ... 64. */
const fixedWidths: Readonly<Record<number, number>> = {
  192: 0,
  194: 0,
  195: 0,
  202: 4,
  203: 8,
  204: 1,
  205: 2,
  206: 4,
  207: 8,
  208: 1,
  209: 2,
  210: 4,
  211: 8,
};

/** Width of the length field of str8 ... 32, array16/32, map16/32. */
const lengthWidths: Readonly<Record<number, 1 | 2 | 4 | undefined>> = {
  217: 1,
  218: 2,
  219: 4,
  220: 2,
  221: 4,
  222: 2,
  223: 4,
};
