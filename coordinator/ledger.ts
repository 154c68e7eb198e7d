// The ledger: one line for every committed step, from which anybody can check who computed what,
// exactly once.
import * as v from 'valibot';
import type { EpochLedger } from '../shared/events.ts';
import { type LogRecord, readLog } from './append-log.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const ledgerSchema = v.strictObject({
  /** Committed steps, this one included. */
  version: count,
  /** From 0, like `step`. */
  epoch: count,
  step: count,
  samples: count,
  /** JSON has no NaN: the loss of a step that diverged is written as null. */
  lossSum: v.pipe(
    v.nullable(v.number()),
    v.transform((sum) => sum ?? Number.NaN),
  ),
  correct: count,
  learningRate: v.number(),
  /** The runs of shards that were accepted: `length` shards from `start`. */
  shards: v.array(v.strictObject({ start: count, length: count, worker: v.string() })),
});

type Parsed = v.InferOutput<typeof ledgerSchema>;
export type LedgerRecord = Readonly<Omit<Parsed, 'shards'>> & {
  readonly shards: readonly Readonly<Parsed['shards'][number]>[];
};

export interface EpochAudit {
  readonly epoch: number;
  /** Different training indices in committed steps. */
  readonly seen: number;
  /** Indices in no committed step; those still to come, too, while the epoch runs. */
  readonly lost: readonly number[];
  /** Indices that counted more than once. */
  readonly twice: readonly number[];
}

/** Throws an Error that names the record at fault. A torn last line is left out. */
export async function readLedger(path: string): Promise<LedgerRecord[]> {
  return parseLedger(await readLog(path), path);
}

/** The same for lines that are read already. */
export function parseLedger(lines: readonly LogRecord[], path: string): LedgerRecord[] {
  return lines.map((line, index) => {
    const parsed = v.safeParse(ledgerSchema, line);
    if (parsed.success) return parsed.output;
    const [issue] = parsed.issues;
    const place = `${v.getDotPath(issue) ?? 'record'}: ${issue.message}`;
    throw new Error(`record ${index + 1} of ${path} is not one of a ledger: ${place}`);
  });
}

export interface AuditOptions {
  readonly trainSamples: number;
  /** Training indices of one shard, as the plan has them. */
  readonly shardIndices: (epoch: number, step: number, shard: number) => Uint32Array;
}

/** Counts the training indices of one epoch, step by step as they commit. */
export class EpochUses {
  readonly #options: AuditOptions;
  readonly #uses: Uint32Array;
  #seen = 0;
  #twice = 0;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#uses = new Uint32Array(options.trainSamples);
  }

  get counts(): EpochLedger {
    const { trainSamples } = this.#options;
    return { seen: this.#seen, lost: trainSamples - this.#seen, twice: this.#twice };
  }

  /** Training indices that were used as often as `isMeant` says. */
  indicesWhere(isMeant: (times: number) => boolean): number[] {
    return [...this.#uses.keys()].filter((index) => isMeant(this.#uses[index]));
  }

  /** A record of the same epoch as all others. */
  add(record: LedgerRecord): void {
    const { epoch, step } = record;
    for (const shard of shardsOf(record)) {
      for (const index of this.#options.shardIndices(epoch, step, shard)) {
        const times = ++this.#uses[index];
        if (times === 1) this.#seen++;
        if (times === 2) this.#twice++;
      }
    }
  }
}

/** Counts the training indices of every epoch that the ledger speaks of. */
export function auditLedger(records: readonly LedgerRecord[], options: AuditOptions): EpochAudit[] {
  const epochs = new Set(records.map(({ epoch }) => epoch));
  return [...epochs].map((epoch) => {
    const uses = new EpochUses(options);
    for (const record of records) if (record.epoch === epoch) uses.add(record);
    const lost = uses.indicesWhere((times) => times === 0);
    const twice = uses.indicesWhere((times) => times > 1);
    return { epoch, seen: uses.counts.seen, lost, twice };
  });
}

function shardsOf({ shards }: LedgerRecord): number[] {
  return shards.flatMap(({ start, length }) => Array.from({ length }, (_, at) => start + at));
}
