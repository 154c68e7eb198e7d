// The first layer over the inputs that vary among the images of a slice, between flat vectors that have all of them.
import type { Slice } from '../../../shared/contracts.ts';
import type { Layer, Model } from '../../../shared/model/model.ts';
import { roomFor, type VectorMemory } from '../../../shared/vectors/memory.ts';
import { InputLayout, lanes, wordBytes } from './input-layout.ts';
import {
  gatherWeights,
  markDifferences,
  type Rows,
  scaledPixel,
  scaleInputs,
  spreadGradients,
} from './narrow-loops.ts';
import { granularity, leastImagesSpared, varyingSpans, widthOf } from './varying-inputs.ts';

type LinearLayer = Extract<Layer, { kind: 'linear' }>;

/** What the graph is given of a slice and of the layer's parameters. */
export interface NarrowInputs {
  /** Inputs that it goes over. */
  readonly width: number;
  /** [images, width], scaled. */
  readonly images: Float32Array;
  /** [units, width]. */
  readonly weight: Float32Array;
  /** [units], with what the other inputs add. */
  readonly bias: Float32Array;
  /** [units, width]: where the gradient of the weight is wanted. */
  readonly gradient: Float32Array;
}

export function firstLayerOf({ layers: [first] }: Model): LinearLayer {
  if (first.kind !== 'linear') throw new Error(`the first layer is ${first.kind}, not linear`);
  return first;
}

/** The loops over larger slices are plain ones. */
const mostImages = 1024;

export class NarrowLayer {
  /** Not where there is little to leave out. */
  static fits({ inputs }: LinearLayer): boolean {
    return inputs >= granularity;
  }

  /** Bytes of a memory. */
  static roomFor({ inputs, outputs }: LinearLayer): number {
    const words = [mostImages * inputs, outputs * inputs, outputs * inputs, outputs * lanes];
    const rooms = words.map((count) => roomFor(count * wordBytes));
    return (
      rooms.reduce((sum, room) => sum + room, roomFor(mostImages * inputs)) +
      InputLayout.roomFor(inputs)
    );
  }

  readonly #layer: LinearLayer;
  readonly #layout: InputLayout;
  readonly #pixels: Uint8Array;
  readonly #marks: Uint8Array;
  readonly #scaled: Float32Array;
  readonly #weight: Float32Array;
  readonly #gradient: Float32Array;
  readonly #sums: Float32Array;
  readonly #bias: Float32Array;
  readonly #values: Float32Array;

  constructor(layer: LinearLayer, memory: Pick<VectorMemory, 'bytes' | 'floats'>) {
    const { inputs, outputs } = layer;
    this.#layer = layer;
    this.#layout = new InputLayout(inputs, memory);
    this.#pixels = memory.bytes(mostImages * inputs);
    this.#marks = memory.bytes(inputs);
    this.#scaled = memory.floats(mostImages * inputs);
    this.#weight = memory.floats(outputs * inputs);
    this.#gradient = memory.floats(outputs * inputs);
    this.#sums = memory.floats(outputs * lanes);
    this.#bias = new Float32Array(outputs);
    this.#values = new Float32Array(inputs);
  }

  /**
   * Of the flat `weights`; undefined where it is best to take all inputs. What it returns is valid until it is called again.
   * `leastSpared` as in `varyingSpans`.
   */
  narrow(
    { images, labels }: Pick<Slice, 'images' | 'labels'>,
    weights: Float32Array,
    leastSpared = leastImagesSpared,
  ): NarrowInputs | undefined {
    if (labels.length < leastSpared) return undefined;
    const { inputs, outputs, weight, bias } = this.#layer;
    const pixels = this.#placed(images);
    this.#marks.fill(0);
    markDifferences(pixels, this.#marks);
    const spans = varyingSpans(this.#marks, labels.length, leastSpared);
    if (spans === undefined) return undefined;
    const width = widthOf(spans);
    for (let input = 0; input < inputs; input++) this.#values[input] = scaledPixel(images[input]);
    this.#layout.arrange(spans, this.#values);
    const gathered = { values: this.#weight.subarray(0, outputs * width), width };
    const all = { values: partOf(weights, weight), width: inputs };
    gatherWeights(this.#layout, all, gathered, { values: this.#sums, width: lanes });
    const ownBias = partOf(weights, bias);
    for (let unit = 0; unit < outputs; unit++) {
      let sum = ownBias[unit];
      for (let lane = 0; lane < lanes; lane++) sum += this.#sums[unit * lanes + lane];
      this.#bias[unit] = sum;
    }
    return {
      width,
      images: this.#scale(pixels, width),
      weight: gathered.values,
      bias: this.#bias,
      gradient: this.#gradient.subarray(0, outputs * width),
    };
  }

  /** From `narrowed.gradient` to the flat `gradient`, which has that of the bias. */
  spread({ width, gradient: values }: NarrowInputs, gradient: Float32Array): void {
    const { inputs, weight, bias } = this.#layer;
    const all = { values: partOf(gradient, weight), width: inputs };
    spreadGradients(this.#layout, { values, width }, all, partOf(gradient, bias));
  }

  /** In the memory, if there is room. */
  #placed(images: Uint8Array): Rows<Uint8Array> {
    const width = this.#layer.inputs;
    if (images.length > this.#pixels.length) return { values: images, width };
    const values = this.#pixels.subarray(0, images.length);
    values.set(images);
    return { values, width };
  }

  #scale(pixels: Rows<Uint8Array>, width: number): Float32Array {
    const length = (pixels.values.length / pixels.width) * width;
    const isInMemory = length <= this.#scaled.length;
    const values = isInMemory ? this.#scaled.subarray(0, length) : new Float32Array(length);
    scaleInputs(this.#layout, pixels, { values, width });
    return values;
  }
}

function partOf(vector: Float32Array, { offset, size }: { offset: number; size: number }) {
  return vector.subarray(offset, offset + size);
}
