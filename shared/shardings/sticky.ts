// Shard k of every step draws from part k of the training set, so that whoever keeps computing it needs no more.
import type { DealOptions, SampleRange, Sharding } from '../contracts.ts';
import { samplesPerBlock } from '../data-blocks.ts';
import { createRandom, permutation, type Random } from '../random.ts';

/** So many blocks, over all shards, are in use at a time: of data that is sorted by class, enough of each class ... */
const blocksInUse = 64;
/** ... and so many of each part, for neighbours that are drawn together to be met apart. */
const fewestInUse = 4;

/**
 * Parts are the same in all epochs: the blocks of the data, in an order drawn from the seed, cut into pieces as large
 * as all that a shard needs in an epoch. So a part is whole blocks but at its ends. Each epoch takes the blocks of each
 * part in another order, a few at a time, and the samples of those few in any order: a worker that has just come needs
 * no more than these. Without `shuffle` blocks and samples keep their order.
 */
export const sticky: Sharding = {
  hasParts: true,
  deal: (options) => {
    const { samples, seed, shuffle, shards, steps, pieceOf } = options;
    const order = blocksInOrder(options);
    const samplesInUse =
      Math.max(fewestInUse, Math.ceil(blocksInUse / shards)) * samplesPerBlock(samples);
    const ends = partEnds(options);
    const partOf = (shard: number): Uint32Array =>
      order.subarray(shard === 0 ? 0 : ends[shard - 1], ends[shard]);
    const sources: SampleRange[][] = [];
    return {
      orderOf: (epoch) => {
        const dealt = new Uint32Array(samples);
        for (let shard = 0; shard < shards; shard++) {
          const part = partOf(shard);
          const random = createRandom(seed, 'part', epoch, shard);
          const drawn = shuffle ? drawFrom(part, samplesInUse, random) : part;
          let at = 0;
          for (let step = 0; step < steps; step++) {
            const { start, end } = pieceOf(step, shard);
            dealt.set(drawn.subarray(at, at + end - start), start);
            at += end - start;
          }
        }
        return dealt;
      },
      sourceOf: (shard) => {
        sources[shard] ??= rangesOf(partOf(shard));
        return sources[shard];
      },
    };
  },
};

function blocksInOrder({ samples, seed, shuffle }: DealOptions): Uint32Array {
  const size = samplesPerBlock(samples);
  const count = Math.ceil(samples / size);
  const blocks = shuffle ? permutation(count, createRandom(seed, 'blocks')) : upTo(count);
  const order = new Uint32Array(samples);
  let end = 0;
  for (const block of blocks) {
    const last = Math.min((block + 1) * size, samples);
    for (let sample = block * size; sample < last; sample++) order[end++] = sample;
  }
  return order;
}

/** Where each part ends: it has what its shard needs in all steps of an epoch. */
function partEnds({ shards, steps, pieceOf }: DealOptions): Uint32Array {
  const ends = new Uint32Array(shards);
  let end = 0;
  for (let shard = 0; shard < shards; shard++) {
    for (let step = 0; step < steps; step++) {
      const piece = pieceOf(step, shard);
      end += piece.end - piece.start;
    }
    ends[shard] = end;
  }
  return ends;
}

/** The pieces of a part in another order, then as many samples at a time as are in use. */
function drawFrom(part: Uint32Array, inUse: number, random: Random): Uint32Array {
  const pieces = rangesOf(part);
  const row: number[] = [];
  for (const at of permutation(pieces.length, random)) {
    const { start, end } = pieces[at];
    for (let sample = start; sample < end; sample++) row.push(sample);
  }
  const drawn = new Uint32Array(part.length);
  for (let from = 0; from < row.length; from += inUse) {
    const count = Math.min(inUse, row.length - from);
    permutation(count, random).forEach((at, place) => {
      drawn[from + place] = row[from + at];
    });
  }
  return drawn;
}

function upTo(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, index) => index);
}

function rangesOf(samples: Uint32Array): SampleRange[] {
  const ranges: SampleRange[] = [];
  let from = 0;
  for (let at = 1; at <= samples.length; at++) {
    if (at < samples.length && samples[at] === samples[at - 1] + 1) continue;
    ranges.push({ start: samples[from], end: samples[at - 1] + 1 });
    from = at;
  }
  return ranges;
}
