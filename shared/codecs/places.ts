// Which values of a vector were chosen, in as few bytes as their number and its length allow.

export interface Places {
  readonly byteLength: number;
  /** `chosen` are places in ascending order, exactly as many as was agreed on. */
  write(chosen: Uint32Array, bytes: Uint8Array): void;
  /** Fills `chosen`. False when nobody wrote these bytes so. */
  read(bytes: Uint8Array, chosen: Uint32Array): boolean;
}

/** `count` of `length` values. */
export function placesOf(length: number, count: number): Places {
  const [one, other] = [listedPlaces(length, count), markedPlaces(length)];
  return one.byteLength < other.byteLength ? one : other;
}

/** So few neighbours that a byte can count them and tell them apart. */
const runLength = 255;

/** How many are chosen of each run of neighbours, then where each stands in its run. */
function listedPlaces(length: number, count: number): Places {
  const runs = Math.ceil(length / runLength);
  return {
    byteLength: runs + count,
    write: (chosen, bytes) => {
      bytes.fill(0, 0, runs);
      for (let at = 0; at < count; at++) {
        const run = Math.floor(chosen[at] / runLength);
        bytes[run]++;
        bytes[runs + at] = chosen[at] - run * runLength;
      }
    },
    read: (bytes, chosen) => {
      let at = 0;
      for (let run = 0; run < runs; run++) {
        const end = at + bytes[run];
        const runEnd = Math.min((run + 1) * runLength, length);
        if (end > count) return false;
        for (let next = run * runLength; at < end; at++) {
          const place = run * runLength + bytes[runs + at];
          if (place < next || place >= runEnd) return false;
          chosen[at] = place;
          next = place + 1;
        }
      }
      return at === count;
    },
  };
}

/** A bit for every value, the lowest of each byte first. */
function markedPlaces(length: number): Places {
  const byteLength = Math.ceil(length / 8);
  return {
    byteLength,
    write: (chosen, bytes) => {
      bytes.fill(0, 0, byteLength);
      for (const place of chosen) bytes[place >> 3] |= 1 << (place & 7);
    },
    read: (bytes, chosen) => {
      let at = 0;
      for (let place = 0; place < 8 * byteLength; place++) {
        if ((bytes[place >> 3] & (1 << (place & 7))) === 0) continue;
        if (place >= length || at === chosen.length) return false;
        chosen[at++] = place;
      }
      return at === chosen.length;
    },
  };
}
