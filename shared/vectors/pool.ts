import type { NewVector } from '../contracts.ts';
import { plainVector } from './loops.ts';

/** Vectors that are used again and again: what is given back is handed out as it is. All must have one length. */
export class VectorPool {
  readonly #create: NewVector;
  readonly #free: Float32Array[] = [];
  #desk: Float32Array | undefined;

  constructor(create: NewVector = plainVector) {
    this.#create = create;
  }

  /** Where to write what may be held next: the same one until it is. */
  desk(length: number): Float32Array {
    this.#desk ??= this.#take(length);
    return this.#desk;
  }

  /** One with these values, to be given back: the desk itself, if they are there, else a copy. */
  hold(values: Float32Array): Float32Array {
    const desk = this.#desk;
    if (desk?.buffer === values.buffer && desk.byteOffset === values.byteOffset) {
      this.#desk = undefined;
      return desk;
    }
    const copy = this.#take(values.length);
    copy.set(values);
    return copy;
  }

  giveBack(vectors: Iterable<Float32Array>): void {
    this.#free.push(...vectors);
  }

  #take(length: number): Float32Array {
    return this.#free.pop() ?? this.#create(length);
  }
}
