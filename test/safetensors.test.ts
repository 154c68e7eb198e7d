import { describe, expect, it } from 'vitest';
import { createMlp, type MlpOptions } from '../shared/model/mlp.ts';
import { initialWeights } from '../shared/model/model.ts';
import { modelToTensors, tensorsToWeights } from '../shared/model/state-dict.ts';
import { createRandom } from '../shared/random.ts';
import { decodeSafetensors, encodeSafetensors, type Tensor } from '../shared/safetensors.ts';

const network = { inputs: 6, hidden: [5], classes: 3, activation: 'relu' } as const;
const model = createMlp(network);
const weights = initialWeights(model, 7);

describe('safetensors', () => {
  it('gives back every value, bit by bit', () => {
    const values = Float32Array.of(
      0,
      -0,
      1.5,
      -1e-45,
      3.4e38,
      Number.NaN,
      Number.NEGATIVE_INFINITY,
    );
    const file = encodeSafetensors([{ name: 'a', shape: [7], values }], { run: 'x' });
    const { tensors, metadata } = decodeSafetensors(file);
    expect(bits(tensors.get('a')?.values)).toEqual(bits(values));
    expect(metadata).toEqual({ run: 'x' });
  });

  it('can be read by a reader that shares no code with the writer', () => {
    const file = encodeSafetensors(modelToTensors(model, weights));
    const view = new DataView(file.buffer);
    const headerBytes = view.getUint32(0, true);
    expect(view.getUint32(4, true)).toBe(0);
    expect((8 + headerBytes) % 8).toBe(0);
    const header = JSON.parse(Buffer.from(file.subarray(8, 8 + headerBytes)).toString('ascii'));
    for (const { name, shape, offset, size } of model.parameters) {
      const entry = header[name];
      expect(entry).toMatchObject({ dtype: 'F32', shape });
      const at = 8 + headerBytes + entry.data_offsets[0];
      expect(entry.data_offsets[1] - entry.data_offsets[0]).toBe(4 * size);
      const read = Array.from({ length: size }, (_, i) => view.getFloat32(at + 4 * i, true));
      expect(read).toEqual([...weights.subarray(offset, offset + size)]);
    }
  });

  it('reads what others write: any order, padding, UTF-8 names, bytes at an odd place', () => {
    const { tensors } = decodeSafetensors(
      rawFile(
        '{"größe%":{"dtype":"F32","shape":[],"data_offsets":[4,8]},\n' +
          '"b":{"shape":[1,1],"data_offsets":[0,4],"dtype":"F32"}}   ',
        Float32Array.of(2, 3),
        3,
      ),
    );
    expect([...tensors.keys()]).toEqual(['b', 'größe%']);
    expect(tensors.get('größe%')).toEqual({ shape: [], values: Float32Array.of(3) });
  });

  it('reads the other types as float32', () => {
    const half = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x3555);
    const exact = [1, -2, 2 ** -24, 65504, Number.POSITIVE_INFINITY, 0.333251953125];
    expect([...decodeOne('F16', half)]).toEqual(exact);
    expect([...decodeOne('BF16', Uint16Array.of(0x3f80, 0xc049))]).toEqual([1, -3.140625]);
    expect([...decodeOne('F64', Float64Array.of(0.5, 1e-3))]).toEqual([0.5, Math.fround(1e-3)]);
    expect([...decodeOne('I64', BigInt64Array.of(-3n, 938n))]).toEqual([-3, 938]);
  });

  it('writes ASCII headers only, and reads back the names they stand for', () => {
    const file = encodeSafetensors([
      { name: 'poids–1 😀', shape: [0], values: new Float32Array() },
    ]);
    expect(file.every((byte) => byte < 0x7f)).toBe(true);
    expect([...decodeSafetensors(file).tensors.keys()]).toEqual(['poids–1 😀']);
  });

  it('refuses a file that was cut short, at every length', () => {
    const file = encodeSafetensors(modelToTensors(model, weights));
    for (let length = 0; length < file.length; length++) {
      expect(() => decodeSafetensors(file.subarray(0, length))).toThrow(/cannot be read/);
    }
  });

  it('ends in an error or a value, never anything else, whatever the bytes', () => {
    const random = createRandom(1, 'safetensors');
    const file = encodeSafetensors(modelToTensors(model, weights));
    for (let round = 0; round < 3000; round++) {
      const altered = file.slice();
      for (let flips = 1 + random.below(4); flips > 0; flips--) {
        altered[random.below(400)] = random.below(256);
      }
      try {
        decodeSafetensors(altered);
      } catch (error) {
        expect((error as Error).message).toMatch(/^the safetensors file cannot be read: /);
      }
    }
  });

  const entry = (begin: number, end: number) =>
    `{"dtype":"F32","shape":[1],"data_offsets":[${begin},${end}]}`;
  it.each([
    ['no JSON', '{"a":', 0, 'its header is not JSON'],
    ['no UTF-8', '{"a\xff":1}', 0, 'its header is not JSON'],
    ['a header of another kind', '[]', 0, 'not a JSON object'],
    ['an unknown type', '{"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}', 1, 'a is I32'],
    [
      'a type out of the prototype',
      `{"a":${entry(0, 4).replace('F32', 'toString')}}`,
      1,
      'toString',
    ],
    ['a shape of another size', `{"a":${entry(0, 8)}}`, 2, 'not F32 of [1]'],
    ['a negative offset', `{"a":${entry(-4, 0)}}`, 0, 'data_offsets.0 of a'],
    ['a fraction as offset', `{"a":${entry(0, 4.5)}}`, 2, 'data_offsets.1 of a'],
    ['a hole', `{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, 3, 'b begins at byte 8 instead of 4'],
    ['an overlap', `{"a":${entry(0, 4)},"b":${entry(0, 4)}}`, 1, 'b begins at byte 0 instead of 4'],
    ['too few bytes', `{"a":${entry(0, 4)}}`, 0, 'it ends within the values of a'],
    ['bytes of nobody', `{"a":${entry(0, 4)}}`, 2, '4 bytes at its end'],
    ['a name twice', `{"a":${entry(0, 4)},"\\u0061":${entry(0, 4)}}`, 1, 'a comes twice'],
    [
      'metadata that is no text',
      '{"__metadata__":{"a":1}}',
      0,
      '__metadata__ holds more than texts',
    ],
  ])('refuses %s', (_, header, values, reason) => {
    expect(() => decodeSafetensors(rawFile(header, new Float32Array(values)))).toThrow(reason);
  });

  it('refuses a header longer than any', () => {
    const file = new Uint8Array(16).fill(0xff);
    expect(() => decodeSafetensors(file)).toThrow('its header would have');
  });

  it('does not write what could not be read', () => {
    const tensor = { name: 'a', shape: [2], values: new Float32Array(2) };
    expect(() => encodeSafetensors([tensor, tensor])).toThrow('two tensors are named a');
    expect(() => encodeSafetensors([{ ...tensor, shape: [3] }])).toThrow('shape [3]');
    expect(() => encodeSafetensors([{ ...tensor, name: '__metadata__' }])).toThrow(RangeError);
  });
});

describe('state dict', () => {
  it('returns the same weights', () => {
    const { tensors } = decodeSafetensors(encodeSafetensors(modelToTensors(model, weights)));
    expect([...tensors.keys()]).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(tensorsToWeights(model, tensors)).toEqual(weights);
  });

  it('says every difference to a file of another network, and the flags of that network', () => {
    const other = createMlp({ inputs: 6, hidden: [4, 2], classes: 3, activation: 'none' });
    const tensors = new Map(
      modelToTensors(other, initialWeights(other, 1)).map((tensor) => [tensor.name, tensor]),
    );
    expect(() => tensorsToWeights(model, tensors)).toThrow(
      'the file is for another network: 0.weight has shape [4, 6] instead of [5, 6], ' +
        '0.bias has shape [4] instead of [5], 2.weight has shape [3, 2] instead of [3, 5], ' +
        '1.weight is unexpected, 1.bias is unexpected. ' +
        'It was made with --hidden 4,2 --activation none, for 6 pixels and 3 classes.',
    );
  });

  it('names the flags of a network without hidden layers as the command line takes them', () => {
    const other = createMlp({ inputs: 6, hidden: [], classes: 3, activation: 'relu' });
    const named = modelToTensors(other, initialWeights(other, 1));
    const tensors = new Map(named.map((tensor) => [tensor.name, tensor]));
    expect(() => tensorsToWeights(model, tensors)).toThrow('--hidden "" --activation none');
  });

  it('recognises batch norm and dropout, and that a state dict does not say which activation follows', () => {
    const flagsOf = (options: Pick<MlpOptions, 'activation' | 'batchNorm' | 'dropout'>) => {
      const other = createMlp({ inputs: 6, hidden: [4, 2], classes: 3, ...options });
      const named = modelToTensors(other, initialWeights(other, 1));
      const tensors = new Map(named.map((tensor) => [tensor.name, tensor]));
      return () => tensorsToWeights(model, tensors);
    };
    const some = '--activation relu|tanh|sigmoid|gelu, for 6 pixels';
    expect(flagsOf({ activation: 'gelu', batchNorm: true })).toThrow(`4,2 --batch-norm ${some}`);
    expect(flagsOf({ activation: 'gelu', batchNorm: false })).toThrow(`--hidden 4,2 ${some}`);
    expect(flagsOf({ activation: 'none', batchNorm: true })).toThrow(
      '--hidden 4,2 --batch-norm --activation none, for 6 pixels',
    );
    expect(flagsOf({ activation: 'gelu', batchNorm: true, dropout: 0.5 })).toThrow(
      '--batch-norm --activation relu|tanh|sigmoid|gelu --dropout RATE, for 6 pixels',
    );
  });

  it('needs no count of batches where there is batch norm, and allows one there alone', () => {
    const normalized = createMlp({ ...network, batchNorm: true });
    const values = initialWeights(normalized, 7);
    const named = modelToTensors(normalized, values).map(
      (tensor) => [tensor.name, tensor] as const,
    );
    const count = ['1.num_batches_tracked', { shape: [], values: Float32Array.of(938) }] as const;
    expect(tensorsToWeights(normalized, new Map(named))).toEqual(values);
    expect(tensorsToWeights(normalized, new Map<string, Tensor>([...named, count]))).toEqual(
      values,
    );
    const plain = modelToTensors(model, weights).map((tensor) => [tensor.name, tensor] as const);
    expect(() => tensorsToWeights(model, new Map<string, Tensor>([...plain, count]))).toThrow(
      '1.num_batches_tracked is unexpected',
    );
  });

  it('says so when the file is not of an nn.Sequential at all', () => {
    const tensors = new Map([['conv.kernel', { shape: [1], values: new Float32Array(1) }]]);
    expect(() => tensorsToWeights(model, tensors)).toThrow('does not hold the Linear layers');
  });
});

function bits(values: Float32Array | undefined): number[] {
  return [...new Uint32Array(Float32Array.from(values ?? []).buffer)];
}

/** `header` stands as UTF-8, except that \xff stays a byte of its own. */
function rawFile(header: string, values: ArrayBufferView, offset = 0): Uint8Array {
  const text = header.includes('\xff') ? Buffer.from(header, 'latin1') : Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeUInt32LE(text.length);
  const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Buffer.concat([Buffer.alloc(offset), length, text, data]).subarray(offset);
}

function decodeOne(
  dtype: string,
  values: Uint16Array | Float64Array | BigInt64Array,
): Float32Array {
  const header = { a: { dtype, shape: [values.length], data_offsets: [0, values.byteLength] } };
  const { tensors } = decodeSafetensors(rawFile(JSON.stringify(header), values));
  return tensors.get('a')?.values ?? new Float32Array();
}
