// All long vectors of a run in one memory, where a kernel adds and checks them: what comes in, what is summed up, the
// weights, and what goes out.
import { PayloadSlots } from '../shared/payload-slots.ts';
import { roomFor, VectorMemory } from '../shared/vectors/memory.ts';
import { maxFrameOverheadBytes } from '../shared/wire.ts';

/** Versions of the weights that may be on their way at once before memory of their own is made for more. */
const weightSlots = 4;

export interface RunMemory {
  readonly newVector: (length: number) => Float32Array;
  /** Where a message of so many bytes is received, each in the same place. */
  readonly received: (bytes: number) => Uint8Array;
  /** Weights, encoded. */
  readonly payloads: PayloadSlots;
}

export interface RunMemoryOptions {
  readonly parameterCount: number;
  /** Of a step. */
  readonly shards: number;
  /** The largest that a message may carry. */
  readonly maxPayloadBytes: number;
}

export function createRunMemory(options: RunMemoryOptions): RunMemory {
  const { parameterCount, shards, maxPayloadBytes } = options;
  const vectorBytes = roomFor(parameterCount * Float32Array.BYTES_PER_ELEMENT);
  const frameBytes = roomFor(maxPayloadBytes + maxFrameOverheadBytes);
  // The weights, and a sum for every other shard when the ones between come last.
  const vectors = 1 + Math.ceil(shards / 2);
  const memory = new VectorMemory(vectors * vectorBytes + (1 + weightSlots) * frameBytes);
  const { buffer, byteOffset } = memory.bytes(frameBytes);
  return {
    newVector: (length) => memory.floats(length),
    // Whoever passes it on takes nothing but a Buffer as it is.
    received: (bytes) => Buffer.from(buffer, byteOffset, bytes),
    payloads: new PayloadSlots(weightSlots, maxPayloadBytes, (bytes) => memory.bytes(bytes)),
  };
}
