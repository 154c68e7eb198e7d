// When a run got on: its ledger grows with every step, some of them at once and a twentieth of a second later.
import { watch } from 'node:fs';
import type { TestScope } from '../support.ts';

export class Pulse {
  /** On the clock of `performance.now()`. */
  readonly #beats: number[] = [];

  constructor(t: TestScope, ledgerPath: string) {
    const watcher = watch(ledgerPath, () => this.#beats.push(performance.now()));
    t.onTestFinished(async () => watcher.close());
  }

  /** The longest standstill that began or went on between the two moments. */
  longestPause(from: number, until: number): number {
    let longest = 0;
    for (const [index, beat] of this.#beats.entries()) {
      const before = this.#beats[index - 1] ?? beat;
      if (beat >= from && before <= until) longest = Math.max(longest, beat - before);
    }
    return longest;
  }
}
