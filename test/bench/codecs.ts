// What each codec costs: the processor time of one pass over the values of the reference network.
import { codecNames, loadCodecs } from '../../shared/codecs/index.ts';
import { createRandom } from '../../shared/random.ts';
import { VectorMemory } from '../../shared/vectors/memory.ts';
import { aligned } from '../aligned.ts';

const length = 415_310;
const passes = 200;

/** Prints a table. `elsewhere` is what an engine or a socket owns, `in place` the memory of a kernel. */
export async function measureCodecs(): Promise<void> {
  const random = createRandom(1, 'gradient');
  const gradient = Float32Array.from({ length }, () => (random.uniform() - 0.5) * 0.01);
  const rows = await Promise.all(
    codecNames.map(async (name) => {
      const { gradients: codec } = await loadCodecs({
        gradients: name,
        weights: 'float32',
        ...(name === 'topk' && { topK: 0.01 }),
      });
      const bytesLength = codec.byteLength(length);
      const memory = new VectorMemory(3 * 4 * length);
      const places = [
        { values: memory.floats(length), bytes: memory.bytes(bytesLength) },
        { values: new Float32Array(length), bytes: new Uint8Array(bytesLength) },
      ];
      const cells = places.flatMap(({ values, bytes }) => {
        values.set(gradient);
        return [
          milliseconds(() => codec.encode(values, bytes, 1)),
          milliseconds(() => codec.decode(bytes, values)),
          milliseconds(() => codec.round(values, 1)),
        ];
      });
      return [name, bytesLength.toLocaleString('en-US'), ...cells];
    }),
  );
  const columns = ['in place', 'elsewhere'].flatMap((place) => {
    return ['encode', 'decode', 'round'].map((work) => `${work} ${place}`);
  });
  console.log(`ms a pass over ${length.toLocaleString('en-US')} values`);
  console.log(aligned([['codec', 'bytes', ...columns], ...rows]));
}

function milliseconds(pass: () => void): string {
  for (let warmUp = 0; warmUp < 20; warmUp++) pass();
  const before = process.cpuUsage();
  for (let at = 0; at < passes; at++) pass();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1000 / passes).toFixed(3);
}
