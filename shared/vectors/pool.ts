/** Vectors that are used again and again: what is given back is handed out as it is. All must have one length. */
export class VectorPool {
  readonly #create: (length: number) => Float32Array;
  readonly #free: Float32Array[] = [];

  constructor(create: (length: number) => Float32Array = (length) => new Float32Array(length)) {
    this.#create = create;
  }

  copyOf(values: Float32Array): Float32Array {
    const copy = this.#free.pop() ?? this.#create(values.length);
    copy.set(values);
    return copy;
  }

  giveBack(vectors: Iterable<Float32Array>): void {
    this.#free.push(...vectors);
  }
}
