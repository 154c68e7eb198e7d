import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createMlp } from '../shared/model/mlp.ts';
import { initialWeights } from '../shared/model/model.ts';
import { createRandom } from '../shared/random.ts';
import { vector } from '../shared/wasm/instructions.ts';
import { startModule } from '../shared/wasm/runtime.ts';
import { randomSlice } from '../worker/engines/prove.ts';
import {
  assembleKernel,
  type KernelModule,
  kernelBytes,
  packedLength,
} from '../worker/engines/wasm/kernel.ts';
import { type Matrix, matrixOf, multiply, transposed } from '../worker/engines/wasm/matrix.ts';
import { wasm } from '../worker/engines/wasm.ts';

describe('engine wasm', () => {
  const model = createMlp({ inputs: 20, hidden: [30], classes: 10, activation: 'relu' });

  it('grows its memory for a larger slice than any before, and for nothing else', async () => {
    const engine = await wasm.create(model);
    engine.load(initialWeights(model, 1));
    const memoryBytes = async (images: number) => {
      const { gradient } = await engine.gradient(randomSlice(model, images, 2));
      return gradient.buffer.byteLength;
    };
    const small = await memoryBytes(8);
    const large = await memoryBytes(128);
    expect(large).toBeGreaterThan(small);
    for (const images of [8, 127, 128, 1]) expect(await memoryBytes(images)).toBe(large);
  });

  it('keeps its weights when its memory grows', async () => {
    const weights = initialWeights(model, 1);
    const [grown, large] = [await wasm.create(model), await wasm.create(model)];
    const slice = randomSlice(model, 128, 2);
    await large.gradient(slice);
    for (const engine of [grown, large]) engine.load(weights);
    const { gradient } = await grown.gradient(slice);
    expect(gradient).toEqual((await large.gradient(slice)).gradient);
  });

  it.each(wasm.providers)('says what %s needs where it does not run', async (provider) => {
    vi.stubGlobal('WebAssembly', { validate: () => false });
    onTestFinished(() => void vi.unstubAllGlobals());
    await expect(wasm.create(model, provider)).rejects.toThrow(
      /^engine wasm:(simd|relaxed): it does not start here; it needs WebAssembly with .*: use /,
    );
  });
});

// None, around the edges of a tile of 4 rows by 8 columns, and many tiles.
const sides = [0, 1, 3, 4, 5, 7, 8, 9, 40];
const layouts = ['straight', 'transposed'] as const;
type Layout = (typeof layouts)[number];

const kernels = {
  simd: startModule<KernelModule>(assembleKernel(vector.multiplyAdd)),
  relaxed: startModule<KernelModule>(assembleKernel(vector.relaxedMultiplyAdd)),
};

describe.each(['simd', 'relaxed'] as const)('the %s kernel', (name) => {
  const kernel = kernels[name];
  const cases = layouts.flatMap((left) => layouts.map((right) => ({ left, right })));

  it.skipIf(kernel === undefined).each(cases)(
    'multiplies at any size, $left by $right, and writes nothing beside the product',
    ({ left, right }) => {
      for (const rows of sides) {
        for (const columns of sides) {
          for (const depth of sides) {
            const found = productOf(kernel!, { rows, columns, depth, left, right });
            expect(found.product, `${rows} x ${depth} x ${columns}`).toEqual(found.expected);
          }
        }
      }
    },
  );
});

interface ProductCase {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly left: Layout;
  readonly right: Layout;
}

/** Small integers, so that no way to add them rounds. A few numbers behind the product must stay. */
function productOf(kernel: KernelModule, { rows, columns, depth, ...layout }: ProductCase) {
  const random = createRandom(1, 'product');
  let end = kernelBytes;
  const claim = (length: number) => {
    const view = new Float32Array(kernel.memory.buffer, end, length);
    end += view.byteLength;
    view.set(Array.from(view, () => random.below(19) - 9));
    return view;
  };
  const left = arranged(layout.left, claim(rows * depth), rows, depth);
  const right = arranged(layout.right, claim(depth * columns), depth, columns);
  const start = claim(rows);
  const panels = claim(packedLength(depth, columns));
  const product = claim(rows * columns + 8);
  const expected = product.map((behind, at) => {
    if (at >= rows * columns) return behind;
    const row = Math.floor(at / columns);
    let sum = start[row];
    for (let k = 0; k < depth; k++) sum += valueAt(left, row, k) * valueAt(right, k, at % columns);
    return sum;
  });
  multiply({ kernel, panels, zeros: start }, left, right, product, start);
  return { product, expected };
}

function arranged(layout: Layout, values: Float32Array, rows: number, columns: number): Matrix {
  return layout === 'straight'
    ? matrixOf(values, rows, columns)
    : transposed(matrixOf(values, columns, rows));
}

function valueAt({ values, rowStride, columnStride }: Matrix, row: number, column: number): number {
  return values[row * rowStride + column * columnStride];
}
