// How a WebAssembly module writes numbers, lists and names: https://webassembly.github.io/spec/core/binary/

/** Bytes of a module. Those of instructions are in the order in which a stack machine runs them. */
export type Code = readonly number[];

/** LEB128: seven bits a byte, lowest first; all but the last have their top bit set. */
export function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** The same in two's complement: bit 6 of the last byte is the sign. */
export function signed(value: number): Code {
  const isLast = value >= -0x40 && value < 0x40;
  return isLast ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

/** Behind their number. */
export function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

/** Behind its length in bytes. */
export function sized(content: Code): Code {
  return [...unsigned(content.length), ...content];
}

/** ASCII. */
export function text(value: string): Code {
  return sized(Array.from(value, (character) => character.charCodeAt(0)));
}
