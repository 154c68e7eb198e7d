// The fixed-order reduction: vectors are added in a binary tree over shard indices, in float32, so that the
// sum has the same bits whoever computed which subtree and whatever came first.
import { addInto } from './vectors/loops.ts';

/** What a subtree of shards adds to its step. */
export interface PartialSum {
  /** Sum of the gradients, laid out like the weights. */
  readonly gradient: Float32Array;
  readonly lossSum: number;
  readonly correct: number;
}

/**
 * Collects the partial sums of a step as they arrive. A subtree's sum is named by its run of shards; two
 * siblings become their parent at once, so that few vectors are held. `null` stands for a subtree without
 * samples, which adds nothing.
 */
export class TreeSum {
  readonly #shards: number;
  /** Finished subtrees by heap index: the root is 1, node n has the children 2n and 2n + 1. */
  readonly #nodes = new Map<number, PartialSum | null>();

  constructor(shards: number) {
    this.#shards = shards;
  }

  /** Takes the sum over shards start ... start + length - 1. Its gradient now belongs to the tree. */
  add(start: number, length: number, sum: PartialSum | null): void {
    let node = (this.#shards + start) / length;
    let value = sum;
    while (node > 1 && this.#nodes.has(node ^ 1)) {
      const sibling = this.#nodes.get(node ^ 1) ?? null;
      this.#nodes.delete(node ^ 1);
      value = merge(value, sibling);
      node >>= 1;
    }
    this.#nodes.set(node, value);
  }

  /** The sum over all shards; undefined while some are missing, null when no shard has a sample. */
  get total(): PartialSum | null | undefined {
    return this.#nodes.get(1);
  }
}

/** Float addition of two commutes to the bit, so either operand may hold the result. */
function merge(one: PartialSum | null, other: PartialSum | null): PartialSum | null {
  if (one === null || other === null) return one ?? other;
  addInto(one.gradient, other.gradient);
  return {
    gradient: one.gradient,
    lossSum: one.lossSum + other.lossSum,
    correct: one.correct + other.correct,
  };
}
