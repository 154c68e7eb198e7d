// The buffers on the device, by name. They grow with the largest slice so far and never shrink.
import { bufferUsage, type GpuBuffer, type GpuDevice, type GpuQueue } from './gpu.ts';

const { storage, copySource, copyDestination } = bufferUsage;
const computeUsage = storage | copySource | copyDestination;

interface BufferSize {
  readonly bytes: number;
  /** What it is for, other than to compute. */
  readonly usage?: number;
}

/** What it needs of a device. */
export interface MemoryDevice
  extends Pick<GpuDevice, 'limits' | 'createBuffer' | 'pushErrorScope' | 'popErrorScope'> {
  readonly queue: Pick<GpuQueue, 'writeBuffer'>;
}

export class DeviceMemory {
  readonly #device: MemoryDevice;
  readonly #buffers = new Map<string, GpuBuffer>();

  constructor(device: MemoryDevice) {
    this.#device = device;
  }

  /**
   * Replaces the buffers that are smaller than this, without their contents; says whether there were any. Rejects
   * when the device has no room, and leaves all as it was.
   */
  async reserve(sizes: Readonly<Record<string, BufferSize>>): Promise<boolean> {
    const tooSmall = Object.entries(sizes).filter(([name, { bytes }]) => {
      return bytes > (this.#buffers.get(name)?.size ?? 0);
    });
    if (tooSmall.length === 0) return false;
    const limit = this.#device.limits.maxStorageBufferBindingSize;
    const largest = Math.max(...tooSmall.map(([, { bytes }]) => bytes));
    if (largest > limit)
      throw new Error(`${largest} bytes in one piece, where ${limit} are allowed`);

    // A device reports what it cannot do to whoever asks, and goes on with a buffer that holds nothing.
    this.#device.pushErrorScope('out-of-memory');
    const larger = tooSmall.map(([name, { bytes, usage = computeUsage }]): [string, GpuBuffer] => {
      return [name, this.#device.createBuffer({ size: bytes, usage })];
    });
    const error = await this.#device.popErrorScope();
    if (error !== null) {
      for (const [, buffer] of larger) buffer.destroy();
      throw new Error(error.message);
    }
    for (const [name, buffer] of larger) {
      this.#buffers.get(name)?.destroy();
      this.#buffers.set(name, buffer);
    }
    return true;
  }

  buffer(name: string): GpuBuffer {
    return this.#buffers.get(name)!;
  }

  /** Copies bytes of any number to the start of the buffer. */
  write(name: string, bytes: Uint8Array): void {
    const { queue } = this.#device;
    const buffer = this.buffer(name);
    // A queue takes whole words.
    const whole = bytes.length - (bytes.length % 4);
    queue.writeBuffer(buffer, 0, bytes.subarray(0, whole));
    if (whole === bytes.length) return;
    const lastWord = new Uint8Array(4);
    lastWord.set(bytes.subarray(whole));
    queue.writeBuffer(buffer, whole, lastWord);
  }
}
