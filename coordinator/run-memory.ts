// All long vectors of a run in one memory, where a kernel adds and checks them: what comes in, what is summed up, the
// weights, and what goes out.
import type { RunCodecs } from '../shared/codecs/index.ts';
import type { RunConfig } from '../shared/config.ts';
import { MessagePlaces } from '../shared/message-places.ts';
import { PayloadSlots } from '../shared/payload-slots.ts';
import { readBytes, type SteadyMemory } from '../shared/steady-receiver.ts';
import { roomFor, VectorMemory } from '../shared/vectors/memory.ts';
import { maxFrameOverheadBytes, roomForFrame } from '../shared/wire.ts';
import { type MemoryLanes, openMemoryLanes } from './memory-lanes.ts';

/** Versions of the weights that may be on their way at once before memory of their own is made for more. */
const weightSlots = 4;

export interface RunMemory {
  readonly newVector: (length: number) => Float32Array;
  /** Where messages come in. */
  readonly incoming: SteadyMemory;
  /** Weights, encoded. */
  readonly payloads: PayloadSlots;
  /** For workers of this machine. */
  readonly lanes: MemoryLanes | undefined;
}

export interface RunMemoryOptions {
  readonly parameterCount: number;
  readonly config: Pick<RunConfig, 'shards' | 'aggregation'>;
  readonly codecs: RunCodecs;
  /** Workers of this machine may pass payloads through memory; they do unless told. */
  readonly sharedMemory?: boolean;
}

export function createRunMemory(options: RunMemoryOptions): RunMemory {
  const { parameterCount, config, codecs, sharedMemory = true } = options;
  const { shards, aggregation } = config;
  const weightsBytes = codecs.weights.byteLength(parameterCount);
  const gradientBytes = codecs.gradients.byteLength(parameterCount);
  const vectorBytes = roomFor(parameterCount * Float32Array.BYTES_PER_ELEMENT);
  const frameBytes = roomFor(gradientBytes + maxFrameOverheadBytes);
  const slotBytes = roomFor(roomForFrame(weightsBytes));
  // The weights, a decoded gradient, and a sum for every other shard when the ones between come last; or every shard, and
  // what they become.
  const vectors = 2 + (aggregation ? shards + 1 : Math.ceil(shards / 2));
  // Each shard's gradient may be on its way at the same time, and one comes past the sockets.
  const gradients = shards * frameBytes + roomFor(gradientBytes);
  const memory = new VectorMemory(vectors * vectorBytes + gradients + weightSlots * slotBytes);
  return {
    newVector: (length) => memory.floats(length),
    incoming: {
      reading: Buffer.allocUnsafeSlow(readBytes),
      places: new MessagePlaces(shards, () => bufferOf(memory.bytes(frameBytes))),
      copyOf: (bytes) => Buffer.from(bytes),
    },
    payloads: new PayloadSlots(weightSlots, weightsBytes, (bytes) => memory.bytes(bytes)),
    lanes: sharedMemory ? openMemoryLanes(memory.bytes(gradientBytes)) : undefined,
  };
}

/** Whoever passes a message on takes nothing else as it is. */
function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
