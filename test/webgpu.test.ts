// What the engine of our own WGSL does around the card. That it computes rightly is for engines.test.ts to say,
// where there is something to run it on.
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createMlp } from '../shared/model/mlp.ts';
import { openDevice } from '../worker/engines/webgpu/device.ts';
import type { Gpu, GpuAdapterInfo, GpuBuffer, GpuDevice } from '../worker/engines/webgpu/gpu.ts';
import { DeviceMemory, type MemoryDevice } from '../worker/engines/webgpu/memory.ts';
import { planPass } from '../worker/engines/webgpu/plan.ts';
import { webgpu } from '../worker/engines/webgpu.ts';

const smallMlp = createMlp({ inputs: 6, hidden: [5, 4], classes: 3, activation: 'relu' });

describe('looking for a WebGPU device', () => {
  const card = { vendor: 'acme', architecture: 'roadrunner', description: '' };

  it('takes a graphics card, with buffers as large as it allows', async () => {
    const { gpu, requests } = fakeGpu({ ...card, isFallbackAdapter: false });
    await openDevice(gpu, 'hardware');
    expect(requests).toEqual([
      { powerPreference: 'high-performance', forceFallbackAdapter: false },
      { requiredLimits: { maxBufferSize: 2000, maxStorageBufferBindingSize: 1000 } },
    ]);
  });

  it.each([
    ['that says so', { ...card, isFallbackAdapter: true }, 'acme roadrunner'],
    [
      'that is known by its name',
      { vendor: 'google', architecture: 'swiftshader', description: '' },
      'google swiftshader',
    ],
    [
      'of Windows',
      { vendor: 'microsoft', architecture: '', description: 'Microsoft Basic Render Driver' },
      'microsoft Microsoft Basic Render Driver',
    ],
  ])('does not take software for hardware %s', async (_, info, name) => {
    await expect(openDevice(fakeGpu(info).gpu, 'hardware')).rejects.toThrow(
      `finds nothing but ${name}, which is software`,
    );
  });

  it('takes software when it is asked for', async () => {
    const { gpu, requests } = fakeGpu({ ...card, isFallbackAdapter: true });
    await openDevice(gpu, 'software');
    expect(requests[0]).toMatchObject({ forceFallbackAdapter: true });
  });

  it('says when there is none', async () => {
    await expect(openDevice(fakeGpu().gpu, 'software')).rejects.toThrow('finds no adapter');
  });
});

describe('the memory of a WebGPU device', () => {
  it('grows when a larger slice comes, and only then', async () => {
    const device = new FakeDevice();
    const memory = new DeviceMemory(device);
    expect(await memory.reserve({ weights: { bytes: 40 }, images: { bytes: 16 } })).toBe(true);
    for (const bytes of [16, 8, 16]) {
      expect(await memory.reserve({ weights: { bytes: 40 }, images: { bytes } })).toBe(false);
    }
    expect(await memory.reserve({ weights: { bytes: 40 }, images: { bytes: 20 } })).toBe(true);
    expect(device.buffers.map(({ size, isDestroyed }) => [size, isDestroyed])).toEqual([
      [40, false],
      [16, true],
      [20, false],
    ]);
  });

  it('stays as it was when there is no room for more', async () => {
    const device = new FakeDevice();
    const memory = new DeviceMemory(device);
    await memory.reserve({ images: { bytes: 16 } });
    const before = memory.buffer('images');
    device.error = { message: 'the card is full' };
    await expect(memory.reserve({ images: { bytes: 32 } })).rejects.toThrow('the card is full');
    await expect(memory.reserve({ images: { bytes: 1004 } })).rejects.toThrow(
      '1004 bytes in one piece, where 1000 are allowed',
    );
    expect(memory.buffer('images')).toBe(before);
    expect(device.buffers.map(({ isDestroyed }) => isDestroyed)).toEqual([false, true]);
  });

  it('takes any number of bytes, although the device takes whole words', async () => {
    const device = new FakeDevice();
    const memory = new DeviceMemory(device);
    await memory.reserve({ images: { bytes: 12 } });
    for (const count of [3, 4, 10]) {
      const bytes = Uint8Array.from({ length: count }, (_, at) => 10 * count + at);
      memory.write('images', bytes);
      expect(device.buffers[0].bytes.subarray(0, count)).toEqual(bytes);
    }
  });
});

describe('the plan of a pass', () => {
  const dispatchesFor = (rows: number) => {
    const digits = { inputs: 784, hidden: [40, 20], classes: 10, activation: 'gelu' } as const;
    const { prediction, training } = planPass(createMlp({ ...digits, batchNorm: true }), rows);
    return [...prediction, ...training];
  };

  it('runs the same kernels on the same buffers, however many images a slice has', () => {
    const kernels = (rows: number) =>
      dispatchesFor(rows).map(({ code, buffers }) => ({ code, buffers }));
    expect(kernels(256)).toEqual(kernels(1));
  });

  it('has no kernel read a buffer that it writes', () => {
    for (const { buffers } of dispatchesFor(8)) {
      expect(new Set(buffers).size).toBe(buffers.length);
    }
  });
});

describe('engine webgpu', () => {
  it('says how to install the package that it needs', async () => {
    vi.doMock('webgpu', () => {
      throw new Error('Cannot find package');
    });
    onTestFinished(() => vi.doUnmock('webgpu'));
    await expect(webgpu.create(smallMlp, 'software')).rejects.toThrow(
      /engine webgpu:software: .* is not installed here.*npm install --no-save webgpu/,
    );
  });
});

/** Has the adapter of this description, or none, and keeps what it is asked. */
function fakeGpu(info?: GpuAdapterInfo): { gpu: Gpu; requests: object[] } {
  const requests: object[] = [];
  const gpu: Gpu = {
    requestAdapter: async (request) => {
      requests.push(request);
      if (info === undefined) return null;
      return {
        info,
        limits: { maxBufferSize: 2000, maxStorageBufferBindingSize: 1000 },
        requestDevice: async (wanted) => {
          requests.push(wanted);
          return {} as GpuDevice;
        },
      };
    },
  };
  return { gpu, requests };
}

/** Has memory, and nothing that computes. */
class FakeDevice implements MemoryDevice {
  readonly limits = { maxBufferSize: 2000, maxStorageBufferBindingSize: 1000 };
  readonly buffers: FakeBuffer[] = [];
  readonly queue = {
    writeBuffer: (buffer: GpuBuffer, offset: number, data: Uint8Array) => {
      expect(data.length % 4).toBe(0);
      (buffer as FakeBuffer).bytes.set(data, offset);
    },
  };
  error: { message: string } | null = null;

  createBuffer({ size }: { size: number }): GpuBuffer {
    const buffer = new FakeBuffer(size);
    this.buffers.push(buffer);
    return buffer;
  }

  pushErrorScope(): void {}

  async popErrorScope() {
    return this.error;
  }
}

class FakeBuffer implements GpuBuffer {
  readonly size: number;
  readonly bytes: Uint8Array;
  isDestroyed = false;

  constructor(size: number) {
    this.size = size;
    this.bytes = new Uint8Array(size);
  }

  async mapAsync(): Promise<void> {}

  getMappedRange(): ArrayBuffer {
    return new ArrayBuffer(0);
  }

  unmap(): void {}

  destroy(): void {
    this.isDestroyed = true;
  }
}
