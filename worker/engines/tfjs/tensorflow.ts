// What the engine uses of TensorFlow.js, so that the compiler needs none of its packages and a backend none of
// their other functions. Signatures are those of tfjs-core 4.22, in float32 throughout.

/** Lives on the backend until it is disposed of, by hand or at the end of the `tidy` that made it. */
export interface Tensor {
  readonly shape: readonly number[];
  /** All values, row by row. */
  data(): Promise<Float32Array>;
}

export interface TensorFlow {
  /** Some backends go on using the very memory of `values`: it must not change while the tensor lives. */
  tensor(values: Float32Array, shape: readonly number[]): Tensor;
  matMul(left: Tensor, right: Tensor, transposeLeft?: boolean, transposeRight?: boolean): Tensor;
  /** Element by element, as `sub` and `mul`; a vector is added to every row, a number to every value. */
  add(left: Tensor | number, right: Tensor | number): Tensor;
  sub(left: Tensor | number, right: Tensor | number): Tensor;
  mul(left: Tensor | number, right: Tensor | number): Tensor;
  relu(x: Tensor): Tensor;
  tanh(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  erf(x: Tensor): Tensor;
  exp(x: Tensor): Tensor;
  /** 1/sqrt(x) */
  rsqrt(x: Tensor): Tensor;
  /** 1 where `x` is above zero, else 0. */
  step(x: Tensor): Tensor;
  /** Of every row. */
  softmax(x: Tensor): Tensor;
  sum(x: Tensor, axis: number): Tensor;
  mean(x: Tensor, axis: number): Tensor;
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  concat(tensors: readonly Tensor[]): Tensor;
  /** Disposes of every tensor that `work` makes, but for the one that it returns. */
  tidy(work: () => Tensor): Tensor;
  dispose(tensors: readonly Tensor[]): void;
}
