// How the memory of the module is divided for slices of one size.
import type { Model } from '../../../shared/model/model.ts';
import { pageBytes, type WasmMemory } from '../../../shared/wasm/runtime.ts';
import { type KernelModule, kernelBytes, packedLength } from './kernel.ts';
import type { LayerPlace, Operation } from './operations.ts';

/** Views of the memory: they are lost when it grows. */
export interface Workspace {
  readonly images: number;
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
  /** The scaled pixels: one row a pixel, one column an image. */
  readonly input: Float32Array;
  /** One row a class, one column an image. */
  readonly logits: Float32Array;
  /** Slopes of the loss in `logits`. */
  readonly logitSlopes: Float32Array;
  /** One a layer. */
  readonly places: readonly LayerPlace[];
}

/**
 * What does not depend on the size of the slice comes first, so that it keeps its place: weights stay loaded. The
 * memory grows when this slice needs more than any before.
 */
export function divideMemory(
  kernel: KernelModule,
  { inputs, parameterCount }: Model,
  operations: readonly Operation[],
  images: number,
): Workspace {
  const widths = [inputs, ...operations.map(({ width }) => width)];
  const widest = Math.max(...widths);
  const panelsLength = Math.max(packedLength(widest, images), packedLength(images, widest));
  const valueLengths = widths.map((width) => width * images);
  const lengths = [parameterCount, parameterCount, widest, panelsLength];
  const views = claim(kernel.memory, [...lengths, ...valueLengths, ...valueLengths]);
  const [weights, gradient, zeros, panels, ...rest] = views;
  const values = rest.slice(0, widths.length);
  const slopes = rest.slice(widths.length);
  const places = operations.map((_, depth) => ({
    kernel,
    panels,
    zeros,
    images,
    weights,
    gradient,
    input: values[depth],
    output: values[depth + 1],
    outputSlopes: slopes[depth + 1],
    // Nobody needs those of the images, and the first layer is the widest.
    inputSlopes: depth > 0 ? slopes[depth] : undefined,
  }));
  const [logits, logitSlopes] = [values.at(-1)!, slopes.at(-1)!];
  return { images, weights, gradient, input: values[0], logits, logitSlopes, places };
}

/** A cache line: loading a vector that lies across two of them takes twice as long. */
const lineBytes = 64;

/** One after the other, behind what the kernel keeps for itself. */
function claim(memory: WasmMemory, lengths: readonly number[]): Float32Array[] {
  let end = kernelBytes;
  const offsets = lengths.map((length) => {
    const offset = end;
    end += Math.ceil((length * Float32Array.BYTES_PER_ELEMENT) / lineBytes) * lineBytes;
    return offset;
  });
  const missing = end - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
  return lengths.map((length, at) => new Float32Array(memory.buffer, offsets[at], length));
}
