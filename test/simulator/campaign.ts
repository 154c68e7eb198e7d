// Many seeds in a row, and what they came to.
import { simulate } from './simulate.ts';
import { addTally, emptyTally, type Tally } from './tally.ts';

export interface Campaign {
  /** One message a seed that did not keep every promise. */
  readonly failures: readonly string[];
  readonly tally: Tally;
  readonly events: number;
  /** The longest that any run took after all was calm, of the time that it had. */
  readonly calmShare: number;
  readonly seedsPerMinute: number;
}

export async function simulateSeeds(seeds: Iterable<number>): Promise<Campaign> {
  const tally = emptyTally();
  const failures: string[] = [];
  const startedAt = performance.now();
  let count = 0;
  let events = 0;
  let calmShare = 0;
  for (const seed of seeds) {
    count++;
    try {
      const report = await simulate(seed);
      addTally(tally, report.tally);
      events += report.events;
      calmShare = Math.max(calmShare, report.calmShare);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  const seedsPerMinute = (60_000 * count) / (performance.now() - startedAt);
  return { failures, tally, events, calmShare, seedsPerMinute };
}

export function* seedsFrom(first: number, count: number): Generator<number> {
  for (let seed = first; seed < first + count; seed++) yield seed;
}
