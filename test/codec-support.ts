// What the tests of codecs have in common.
import { vi } from 'vitest';
import { type CodecName, codecNames, loadCodecs } from '../shared/codecs/index.ts';
import type { Codec } from '../shared/contracts.ts';
import { createRandom } from '../shared/random.ts';

export const extremes = [
  ...[0, -0, 1e-45, -1e-40, 65_504, -65_519, 65_520, 2 ** -14, 2 ** -24, 3 * 2 ** -25, 3.4e38],
  ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN],
];

const gradientDraws = createRandom(1, 'gradient');
/** As gradients are: each block has its own size. */
export const gradient = Float32Array.from({ length: 1000 }, (_, at) => {
  return (gradientDraws.uniform() - 0.5) * 10 ** -Math.floor(at / 100);
});

export const codecs = Object.fromEntries(
  await Promise.all(codecNames.map(async (name) => [name, await codecNamed(name)])),
) as Record<CodecName, Codec>;

async function codecNamed(name: CodecName): Promise<Codec> {
  return (await loadCodecs(choiceOf(name))).gradients;
}

export function choiceOf(name: CodecName) {
  return { gradients: name, weights: 'float32', ...(name === 'topk' && { topK: 0.1 }) } as const;
}

export function encode(codec: Codec, vector: Float32Array, seed = 7): Uint8Array {
  const bytes = new Uint8Array(codec.byteLength(vector.length));
  codec.encode(vector, bytes, seed);
  return bytes;
}

export function roundTrip(codec: Codec, vector: Float32Array, seed = 7): Float32Array {
  return codec.decode(encode(codec, vector, seed), new Float32Array(vector.length));
}

/** One of its own, which found none when it was used for the first time and does not look again. */
export async function withoutWebAssembly(name: CodecName): Promise<Codec> {
  vi.resetModules();
  const { loadCodecs: loadAgain } = await import('../shared/codecs/index.ts');
  const { gradients: codec } = await loadAgain(choiceOf(name));
  vi.stubGlobal('WebAssembly', undefined);
  roundTrip(codec, gradient);
  vi.unstubAllGlobals();
  return codec;
}

/** Every bit pattern may come, but for a few in a row that are numbers of one size. */
export function awkward(length: number): Float32Array {
  const draws = createRandom(length, 'awkward');
  return Float32Array.from({ length }, (_, at) => {
    const isTame = Math.floor(at / 128) % 2 === 1;
    if (isTame) return draws.uniform() - 0.5;
    if (at % 50 === 0) return extremes[draws.below(extremes.length)];
    return (draws.uniform() - 0.5) * 10 ** (draws.below(80) - 45);
  });
}
