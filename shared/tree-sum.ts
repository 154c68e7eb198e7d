// The fixed-order reduction: vectors are added in a binary tree over shard indices, in float32, so that the
// sum has the same bits whoever computed which subtree and whatever came first.
import { addInto } from './vectors/loops.ts';
import { VectorPool } from './vectors/pool.ts';

/** What a subtree of shards adds to its step. */
export interface PartialSum {
  /** Sum of the gradients, laid out like the weights. */
  readonly gradient: Float32Array;
  readonly lossSum: number;
  readonly correct: number;
}

/** Adds one sum to another, in place, and makes of it what stands for shards start ... start + length - 1. */
export type AddSum = (
  into: Float32Array,
  from: Float32Array,
  start: number,
  length: number,
) => void;

/**
 * Collects the partial sums of a step as they arrive. A subtree's sum is named by its run of shards; two
 * siblings become their parent at once, so that few vectors are held. `null` stands for a subtree without
 * samples, which adds nothing.
 */
export class TreeSum {
  readonly #shards: number;
  readonly #add: AddSum;
  readonly #pool: VectorPool;
  /** Finished subtrees by heap index: the root is 1, node n has the children 2n and 2n + 1. */
  readonly #nodes = new Map<number, PartialSum | null>();
  /** Of the pool: all gradients that are held, but for one that is the whole sum by itself. */
  readonly #own = new Set<Float32Array>();

  /** `add` makes every sum that is made here, that of all shards as well. */
  constructor(shards: number, add: AddSum = addInto, pool: VectorPool = new VectorPool()) {
    this.#shards = shards;
    this.#add = add;
    this.#pool = pool;
  }

  /**
   * Takes the sum over shards start ... start + length - 1. Its gradient is read at once and not changed, and may
   * change afterwards; only that of all shards is the total itself, and one at the pool's desk is kept as it is. Where it
   * `isJoined`, what is `beside` these shards is part of it already. Throws RangeError where nothing is.
   */
  add(start: number, length: number, sum: PartialSum | null, isJoined = false): void {
    let node = this.#nodeOf(start, length);
    let value = sum;
    if (sum !== null && isJoined) {
      const sibling = this.#take(node ^ 1);
      if (sibling === null) throw new RangeError(`nothing is held beside shard ${start}`);
      this.#drop(sibling);
      node >>= 1;
      value = withCountsOf(sibling, sum, sum.gradient);
    }
    while (node > 1 && this.#nodes.has(node ^ 1)) {
      const sibling = this.#take(node ^ 1);
      node >>= 1;
      value = this.#merge(sibling, value, node);
    }
    this.#nodes.set(node, node > 1 ? this.#keep(value) : value);
  }

  /** The gradient that the one of these shards is added to; undefined while there is none. */
  beside(start: number, length: number): Float32Array | undefined {
    return this.#nodes.get(this.#nodeOf(start, length) ^ 1)?.gradient;
  }

  /** By heap index. */
  #nodeOf(start: number, length: number): number {
    return (this.#shards + start) / length;
  }

  #take(node: number): PartialSum | null {
    const sum = this.#nodes.get(node) ?? null;
    this.#nodes.delete(node);
    return sum;
  }

  /** The sum over all shards; undefined while some are missing, null when no shard has a sample. */
  get total(): PartialSum | null | undefined {
    return this.#nodes.get(1);
  }

  /** Gives the vectors back to the pool: after this there is no sum. */
  release(): void {
    this.#pool.giveBack(this.#own);
    this.#own.clear();
    this.#nodes.clear();
  }

  /** Float addition of two commutes to the bit, so the one that is held anyway may hold the result. */
  #merge(held: PartialSum | null, other: PartialSum | null, node: number): PartialSum | null {
    if (held === null || other === null) return held ?? other;
    const nodesOfItsSize = 2 ** Math.floor(Math.log2(node));
    const length = this.#shards / nodesOfItsSize;
    this.#add(held.gradient, other.gradient, (node - nodesOfItsSize) * length, length);
    this.#drop(other);
    return withCountsOf(held, other, held.gradient);
  }

  /** Its gradient is part of another one. */
  #drop({ gradient }: PartialSum): void {
    if (this.#own.delete(gradient)) this.#pool.giveBack([gradient]);
  }

  #keep(sum: PartialSum | null): PartialSum | null {
    if (sum === null || this.#own.has(sum.gradient)) return sum;
    const gradient = this.#pool.hold(sum.gradient);
    this.#own.add(gradient);
    return { ...sum, gradient };
  }
}

function withCountsOf(one: PartialSum, other: PartialSum, gradient: Float32Array): PartialSum {
  return {
    gradient,
    lossSum: one.lossSum + other.lossSum,
    correct: one.correct + other.correct,
  };
}
