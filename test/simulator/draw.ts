// Choices from a stream of random numbers, in the words of scenarios.
import { createRandom, type Random } from '../../shared/random.ts';

export class Draw {
  readonly random: Random;

  /** The key names the stream, as in `createRandom`. */
  constructor(...key: readonly (number | string)[]) {
    this.random = createRandom(...key);
  }

  chance(probability: number): boolean {
    return this.random.uniform() < probability;
  }

  /** Uniform, both ends included. */
  integer(from: number, to: number): number {
    return from + this.random.below(to - from + 1);
  }

  between(from: number, to: number): number {
    return from + (to - from) * this.random.uniform();
  }

  /** Between the two, every order of magnitude as likely as any other. */
  magnitude(from: number, to: number): number {
    return from * (to / from) ** this.random.uniform();
  }

  /** A time from 0 to the limit, the earlier the likelier: most runs are over before all is calm. */
  early(limitMs: number): number {
    return limitMs * this.random.uniform() ** 3;
  }

  pick<Choice>(choices: readonly Choice[]): Choice {
    return choices[this.random.below(choices.length)];
  }

  /** As many as drawn between the two, from `draw`. */
  several<Item>(from: number, to: number, draw: () => Item): Item[] {
    return Array.from({ length: this.integer(from, to) }, draw);
  }
}
