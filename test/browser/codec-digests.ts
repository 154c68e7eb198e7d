// What every codec makes of the same vectors, as checksums: for a browser and for Node to compare.
import { checksum } from '../../shared/checksum.ts';
import { codecNames, loadCodecs } from '../../shared/codecs/index.ts';
import { bytesOf } from '../../shared/codecs/memory.ts';
import { createRandom } from '../../shared/random.ts';
import { VectorMemory } from '../../shared/vectors/memory.ts';

const lengths = [5, 1000, 10_000];

/** By codec: of the bytes, of what they are decoded to and of what is rounded, in a kernel's memory and elsewhere. */
export async function codecDigests(): Promise<Record<string, readonly number[]>> {
  const entries = codecNames.map(async (name) => {
    const topK = name === 'topk' ? { topK: 0.1 } : {};
    const { gradients: codec } = await loadCodecs({ gradients: name, weights: 'float32', ...topK });
    const digests = lengths.flatMap((length) => {
      const memory = new VectorMemory(1e6);
      const bytesLength = codec.byteLength(length);
      const places = [
        { values: memory.floats(length), bytes: memory.bytes(bytesLength) },
        { values: new Float32Array(length), bytes: new Uint8Array(bytesLength) },
      ];
      return places.flatMap(({ values, bytes }) => {
        values.set(vectorOf(length));
        codec.encode(values, bytes, 7);
        const decoded = codec.decode(bytes, new Float32Array(length));
        codec.round(values, 7);
        return [bytes, bytesOf(decoded), bytesOf(values)].map((each) => checksum(each));
      });
    });
    return [name, digests] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Numbers of all sizes. */
function vectorOf(length: number): Float32Array {
  const random = createRandom(length, 'digest');
  return Float32Array.from({ length }, () => {
    return (random.uniform() - 0.5) * 2 ** (random.below(250) - 130);
  });
}
