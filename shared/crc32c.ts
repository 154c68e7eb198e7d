// CRC-32C (Castagnoli), as TFRecord files and iSCSI have it: RFC 3720, appendix B.4.

/** The polynomial 0x1edc6f41, its bits in reverse. */
const polynomial = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? polynomial : 0);
  return rest;
});

/** As an unsigned integer. */
export function crc32c(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) rest = (rest >>> 8) ^ table[(rest ^ byte) & 0xff];
  return ~rest >>> 0;
}
