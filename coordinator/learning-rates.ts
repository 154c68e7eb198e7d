// The learning rates that administrators set while a run went on: with the configuration they decide its result.
import * as v from 'valibot';
import type { SyncConfig } from '../shared/sync.ts';
import type { LogRecord } from './append-log.ts';

const changeSchema = v.strictObject({
  /** Committed steps before the first step that it is used in. */
  fromVersion: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** In place of the configured one; the schedule's factor stays. */
  learningRate: v.pipe(v.number(), v.finite(), v.minValue(0)),
});

export type RateChange = Readonly<v.InferOutput<typeof changeSchema>>;

export class LearningRates {
  readonly #sync: SyncConfig;
  readonly #changes: RateChange[];

  /** `changes` in the order in which they were made. */
  constructor(sync: SyncConfig, changes: readonly RateChange[] = []) {
    this.#sync = sync;
    this.#changes = [...changes];
  }

  add(change: RateChange): void {
    this.#changes.push(change);
  }

  /**
   * In place of the configured one, in the step that follows `version` committed ones; undefined where nobody changed
   * it. The latest change counts that is for this step or one before: also when others, made earlier, are for later
   * steps, which a crash of the coordinator took back.
   */
  at(version: number): number | undefined {
    return this.#changes.findLast(({ fromVersion }) => fromVersion <= version)?.learningRate;
  }

  /** What a lease says of it: something where workers take steps of their own. */
  ofLease(version: number): { readonly learningRate?: number } {
    const learningRate = this.#sync.mode === 'local' ? this.at(version) : undefined;
    return learningRate === undefined ? {} : { learningRate };
  }
}

/** Throws an Error that names the record at fault: with other rates than before, the result would be another. */
export function parseRateChanges(lines: readonly LogRecord[], path: string): RateChange[] {
  return lines.map((line, index) => {
    const parsed = v.safeParse(changeSchema, line);
    if (parsed.success) return parsed.output;
    throw new Error(`record ${index + 1} of ${path} is not a change of the learning rate`);
  });
}
