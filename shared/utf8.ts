// Text as bytes, without an encoder of a platform.

/** encodeURIComponent is the one UTF-8 encoder of plain ECMAScript. Throws URIError on half a surrogate pair. */
export function utf8Bytes(text: string): Uint8Array {
  const units = encodeURIComponent(text).match(/%..|./g) ?? [];
  return Uint8Array.from(units, (unit) => {
    return unit.length === 1 ? unit.charCodeAt(0) : Number.parseInt(unit.slice(1), 16);
  });
}
