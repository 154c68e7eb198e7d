// All long vectors of a run in one memory, where a kernel adds and checks them: what comes in, what is summed up, the
// weights, and what goes out.
import type { RunCodecs } from '../shared/codecs/index.ts';
import type { RunConfig } from '../shared/config.ts';
import type { NewVector } from '../shared/contracts.ts';
import { fileBytes } from '../shared/memory-file.ts';
import { slots } from '../shared/memory-messages.ts';
import { MessagePlaces } from '../shared/message-places.ts';
import { PayloadSlots } from '../shared/payload-slots.ts';
import { readBytes, type SteadyMemory } from '../shared/steady-receiver.ts';
import { maxBytes, roomFor, roomForPages, VectorMemory } from '../shared/vectors/memory.ts';
import { VectorPool } from '../shared/vectors/pool.ts';
import { maxFrameOverheadBytes, roomForFrame } from '../shared/wire.ts';
import { type MemoryLanes, openMemoryLanes } from './memory-lanes.ts';

/** Workers of this machine whose files are part of a run's memory. */
const mostMapped = 16;

/** Vectors that an optimizer keeps, at most: two moments and an average. */
const mostKept = 3;

/** Versions of the weights that may be on their way at once before memory of their own is made for more. */
const weightSlots = 4;

export interface RunMemory {
  readonly newVector: NewVector;
  /** Where gradients come in one by one, and are summed up. */
  readonly sums: VectorPool;
  readonly desk: () => Float32Array;
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
  // The weights, what the optimizer keeps, a decoded gradient, and a sum for every other shard when the ones between come
  // last; or every shard, and what they become.
  const vectors = 2 + mostKept + (aggregation ? shards + 1 : Math.ceil(shards / 2));
  // Each shard's gradient may be on its way at the same time, and one comes past the sockets.
  const gradients = shards * frameBytes + roomFor(gradientBytes);
  const ofRun = vectors * vectorBytes + gradients + weightSlots * slotBytes;
  // More workers have nothing to do.
  const mapped = Math.min(shards, mostMapped);
  const weightsFileBytes = fileBytes(slots.weights, weightsBytes);
  const answersFileBytes = fileBytes(slots.answers, gradientBytes);
  const files = roomForPages(weightsFileBytes) + mapped * roomForPages(answersFileBytes);
  const hasFiles = sharedMemory && ofRun + files <= maxBytes;
  const memory = new VectorMemory(ofRun + (hasFiles ? files : 0));
  const pagesFor = (bytes: number) => (hasFiles ? memory.pages(bytes) : undefined);
  const newVector = (length: number) => memory.floats(length);
  const sums = new VectorPool(newVector);
  const desk = () => sums.desk(parameterCount);
  const incoming = memory.bytes(gradientBytes);
  const openLanes = () =>
    openMemoryLanes({
      incoming,
      outgoing: pagesFor(weightsFileBytes),
      answers: Array.from({ length: mapped }, () => pagesFor(answersFileBytes) ?? []).flat(),
    });
  return {
    newVector,
    sums,
    desk,
    incoming: {
      reading: Buffer.allocUnsafeSlow(readBytes),
      places: new MessagePlaces(shards, () => bufferOf(memory.bytes(frameBytes))),
      copyOf: (bytes) => Buffer.from(bytes),
    },
    payloads: new PayloadSlots(weightSlots, weightsBytes, (bytes) => memory.bytes(bytes)),
    lanes: sharedMemory ? openLanes() : undefined,
  };
}

/** Whoever passes a message on takes nothing else as it is. */
function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
