// Executes the plan of a pass on a device: one submission and one readback a slice. Knows nothing of where the
// device comes from.
import type { Engine, Slice, SliceResult } from '../../../shared/contracts.ts';
import { fillDropoutMask } from '../../../shared/model/dropout.ts';
import type { Model } from '../../../shared/model/model.ts';
import { type Dispatch, maxShapeLength } from './dispatch.ts';
import { bufferUsage, type GpuDevice, type GpuPipeline, mapModeRead } from './gpu.ts';
import { DeviceMemory } from './memory.ts';
import { bufferNames, type Plan, planPass } from './plan.ts';

/** By their WGSL. */
type Pipelines = ReadonlyMap<string, GpuPipeline>;

const { images: imagesName, labels: labelsName, weights: weightsName, results } = bufferNames;
/** The shapes of all dispatches, one after the other. */
const shapesName = 'shapes';
/** What the host can read. */
const readbackName = 'readback';

/** Every device lets a uniform binding begin at multiples of this. */
const shapeStrideBytes = 256;
const shapeBytes = 4 * maxShapeLength;

/** Takes the device over: the engine destroys it at its end, or here when it does not run the kernels. */
export async function createWebGpuEngine(
  device: GpuDevice,
  label: string,
  model: Model,
): Promise<Engine> {
  try {
    const plan = planPass(model, 1);
    const engine = new WebGpuEngine({
      device,
      label,
      model,
      pipelines: await compile(device, plan),
    });
    await engine.prepare(1);
    return engine;
  } catch (error) {
    device.destroy();
    throw error;
  }
}

async function compile(device: GpuDevice, plan: Plan): Promise<Pipelines> {
  const codes = new Set(dispatchesOf(plan).map(({ code }) => code));
  const pipelines = Array.from(codes, async (code): Promise<[string, GpuPipeline]> => {
    const compute = { module: device.createShaderModule({ code }) };
    return [code, await device.createComputePipelineAsync({ layout: 'auto', compute })];
  });
  return new Map(await Promise.all(pipelines));
}

interface WebGpuEngineParts {
  readonly device: GpuDevice;
  readonly label: string;
  readonly model: Model;
  readonly pipelines: Pipelines;
}

class WebGpuEngine implements Engine {
  readonly label: string;
  readonly #parts: WebGpuEngineParts;
  readonly #memory: DeviceMemory;
  readonly #gradient: Float32Array;
  #plan: Plan;
  /** Images of the slices that everything is prepared for; 0 while it is not. */
  #rows = 0;
  /** Of each dispatch, in the order of `dispatchesOf`. */
  #bindings: readonly object[] = [];

  constructor(parts: WebGpuEngineParts) {
    this.label = parts.label;
    this.#parts = parts;
    this.#memory = new DeviceMemory(parts.device);
    this.#gradient = new Float32Array(parts.model.parameterCount);
    this.#plan = planPass(parts.model, 1);
  }

  load(weights: Float32Array): void {
    this.#memory.write(weightsName, bytesOf(weights));
  }

  async gradient({ images, labels, noise = 0 }: Slice): Promise<SliceResult> {
    const { parameterCount } = this.#parts.model;
    await this.prepare(labels.length);
    this.#memory.write(imagesName, images);
    this.#memory.write(labelsName, labels);
    for (const { buffer, layer } of this.#plan.masks) {
      const mask = new Float32Array(labels.length * layer.width);
      fillDropoutMask(mask, layer, noise);
      this.#memory.write(buffer, bytesOf(mask));
    }
    return this.#run('training', results, parameterCount + 2, (values) => {
      this.#gradient.set(values.subarray(0, parameterCount));
      const [lossSum, correct] = values.subarray(parameterCount);
      return { gradient: this.#gradient, lossSum, correct };
    });
  }

  async predict(images: Uint8Array): Promise<Float32Array> {
    const { inputs, classes } = this.#parts.model;
    const rows = images.length / inputs;
    await this.prepare(rows);
    this.#memory.write(imagesName, images);
    return this.#run('prediction', this.#plan.logits, rows * classes, (values) => values.slice());
  }

  async dispose(): Promise<void> {
    // With all of its buffers.
    this.#parts.device.destroy();
  }

  /** Makes room for slices of so many images, and tells the kernels of them. */
  async prepare(rows: number): Promise<void> {
    if (rows === this.#rows) return;
    this.#rows = 0;
    this.#plan = planPass(this.#parts.model, rows);
    if (await this.#reserve(rows)) this.#bind();
    const dispatches = dispatchesOf(this.#plan);
    const shapes = new Uint32Array((dispatches.length * shapeStrideBytes) / 4);
    dispatches.forEach(({ shape }, index) => {
      shapes.set(shape, (index * shapeStrideBytes) / 4);
    });
    this.#memory.write(shapesName, bytesOf(shapes));
    this.#rows = rows;
  }

  /** Says whether any buffer is a new one. */
  async #reserve(rows: number): Promise<boolean> {
    const { bufferBytes, logits } = this.#plan;
    const forKernels = Object.entries(bufferBytes).map(([name, bytes]) => [name, { bytes }]);
    try {
      return await this.#memory.reserve({
        ...Object.fromEntries(forKernels),
        [shapesName]: {
          bytes: dispatchesOf(this.#plan).length * shapeStrideBytes,
          usage: bufferUsage.uniform | bufferUsage.copyDestination,
        },
        [readbackName]: {
          bytes: Math.max(bufferBytes[results], bufferBytes[logits]),
          usage: bufferUsage.mapRead | bufferUsage.copyDestination,
        },
      });
    } catch (cause) {
      throw new Error(
        `engine ${this.label}: there is no room for slices of ${rows} images ` +
          `(${(cause as Error).message}); use smaller ones or another engine`,
        { cause },
      );
    }
  }

  #bind(): void {
    const { device, pipelines } = this.#parts;
    const shapes = this.#memory.buffer(shapesName);
    this.#bindings = dispatchesOf(this.#plan).map(({ code, buffers }, index) => {
      const shape = { buffer: shapes, offset: index * shapeStrideBytes, size: shapeBytes };
      const matrices = buffers.map((name) => ({ buffer: this.#memory.buffer(name) }));
      return device.createBindGroup({
        layout: pipelines.get(code)!.getBindGroupLayout(0),
        entries: [shape, ...matrices].map((resource, binding) => ({ binding, resource })),
      });
    });
  }

  /** `take` copies what it wants of the first `length` values of the buffer, which are gone when it returns. */
  async #run<Result>(
    pass: 'prediction' | 'training',
    buffer: string,
    length: number,
    take: (values: Float32Array) => Result,
  ): Promise<Result> {
    const { device, pipelines } = this.#parts;
    const bytes = Float32Array.BYTES_PER_ELEMENT * length;
    const readback = this.#memory.buffer(readbackName);
    const encoder = device.createCommandEncoder();
    const commands = encoder.beginComputePass();
    // As `dispatchesOf` has them.
    const first = pass === 'training' ? this.#plan.prediction.length : 0;
    this.#plan[pass].forEach(({ code, workgroups }, index) => {
      commands.setPipeline(pipelines.get(code)!);
      commands.setBindGroup(0, this.#bindings[first + index]);
      commands.dispatchWorkgroups(...workgroups);
    });
    commands.end();
    encoder.copyBufferToBuffer(this.#memory.buffer(buffer), 0, readback, 0, bytes);
    device.queue.submit([encoder.finish()]);
    try {
      await readback.mapAsync(mapModeRead, 0, bytes);
    } catch (cause) {
      throw new Error(
        `engine ${this.label}: the device does not answer any more; start again, or with another engine`,
        { cause },
      );
    }
    const result = take(new Float32Array(readback.getMappedRange(0, bytes)));
    readback.unmap();
    return result;
  }
}

function dispatchesOf({ prediction, training }: Plan): readonly Dispatch[] {
  return [...prediction, ...training];
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
