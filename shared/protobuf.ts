// Protobuf's wire format, as far as it is written here: a field is a tag (its number and a wire type), then the value.
// https://protobuf.dev/programming-guides/encoding
import { utf8Bytes } from './utf8.ts';

export type Bytes = Uint8Array;

const wireTypeVarint = 0;
const wireTypeFixed64 = 1;
const wireTypeLengthDelimited = 2;
const wireTypeFixed32 = 5;

export function integer(field: number, value: number): Bytes {
  return concat([tag(field, wireTypeVarint), varint(value)]);
}

/** Also a packed repeated field, whose parts are its values. */
export function message(field: number, ...parts: readonly Bytes[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return concat([tag(field, wireTypeLengthDelimited), varint(length), ...parts]);
}

export function text(field: number, value: string): Bytes {
  return message(field, utf8Bytes(value));
}

export function float(field: number, value: number): Bytes {
  return concat([tag(field, wireTypeFixed32), float32(value)]);
}

export function double(field: number, value: number): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return concat([tag(field, wireTypeFixed64), bytes]);
}

/** An int64, seven bits a byte, lowest first. A negative one takes the ten bytes of its two's complement. */
export function varint(value: number): Bytes {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) + 128);
    rest >>= 7n;
  }
  return Uint8Array.of(...bytes, Number(rest));
}

export function float32(value: number): Bytes {
  return new Uint8Array(Float32Array.of(value).buffer);
}

export function concat(parts: readonly Bytes[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function tag(field: number, wireType: number): Bytes {
  return varint(field * 8 + wireType);
}
