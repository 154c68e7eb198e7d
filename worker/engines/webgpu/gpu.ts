// The part of the WebGPU API that the engine uses, which `navigator.gpu` of a tab and Dawn in Node both have. The
// published types are ambient and name the DOM, and neither should be in reach of the rest of a Node program.

/** Flags of GPUBufferUsage and GPUMapMode: numbers in the standard, but names only where the globals are. */
export const bufferUsage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyDestination: 0x8,
  uniform: 0x40,
  storage: 0x80,
} as const;
export const mapModeRead = 0x1;

export interface Gpu {
  requestAdapter(options: {
    powerPreference: 'high-performance';
    forceFallbackAdapter: boolean;
  }): Promise<GpuAdapter | null>;
}

export interface GpuAdapter {
  readonly info: GpuAdapterInfo;
  readonly limits: GpuLimits;
  requestDevice(options: { requiredLimits: Record<keyof GpuLimits, number> }): Promise<GpuDevice>;
}

export interface GpuAdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** It computes on the processor. Older browsers do not say. */
  readonly isFallbackAdapter?: boolean;
}

/** In bytes. */
export interface GpuLimits {
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
}

export interface GpuDevice {
  readonly limits: GpuLimits;
  readonly queue: GpuQueue;
  createBuffer(options: { size: number; usage: number }): GpuBuffer;
  createShaderModule(options: { code: string }): object;
  createComputePipelineAsync(options: {
    layout: 'auto';
    compute: { module: object };
  }): Promise<GpuPipeline>;
  createBindGroup(options: { layout: object; entries: readonly GpuBinding[] }): object;
  createCommandEncoder(): GpuCommandEncoder;
  pushErrorScope(filter: 'out-of-memory'): void;
  popErrorScope(): Promise<{ readonly message: string } | null>;
  destroy(): void;
}

export interface GpuPipeline {
  getBindGroupLayout(index: number): object;
}

export interface GpuBinding {
  readonly binding: number;
  readonly resource: { buffer: GpuBuffer; offset?: number; size?: number };
}

export interface GpuBuffer {
  readonly size: number;
  mapAsync(mode: number, offset: number, size: number): Promise<void>;
  /** Detached by `unmap`. */
  getMappedRange(offset: number, size: number): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

export interface GpuQueue {
  /** Copies `data`, whose length in bytes is a multiple of 4. */
  writeBuffer(buffer: GpuBuffer, offset: number, data: Uint8Array): void;
  submit(commands: readonly object[]): void;
}

interface GpuCommandEncoder {
  beginComputePass(): GpuComputePass;
  copyBufferToBuffer(
    source: GpuBuffer,
    sourceOffset: number,
    destination: GpuBuffer,
    destinationOffset: number,
    size: number,
  ): void;
  finish(): object;
}

interface GpuComputePass {
  setPipeline(pipeline: GpuPipeline): void;
  setBindGroup(index: number, bindings: object): void;
  dispatchWorkgroups(x: number, y: number): void;
  end(): void;
}
