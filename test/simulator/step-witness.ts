// The step in progress as somebody sees it who hears only what goes into the core and what comes out.
import type { Answer, Effect } from '../../coordinator/core-types.ts';
import type { LedgerRecord } from '../../coordinator/ledger.ts';
import type { Lease, Member } from '../../coordinator/membership.ts';
import { isAlignedRun, type Plan } from '../../shared/plan.ts';
import type { ShardRun } from '../../shared/protocol.ts';
import type { Stage } from './reference.ts';
import { runText } from './trace-text.ts';
import { violated } from './violation.ts';

type Members = ReadonlyMap<string, Readonly<Member>>;

const maxLeasesPerShard = 2;
/** What a worker's schema for leases lets pass. */
const maxRunsPerLease = 256;

export class StepWitness {
  /** Workers whose gradients of this step were no usable numbers. */
  readonly unusable = new Set<string>();
  /** Somebody was given work of it. */
  hasBegun = false;
  readonly #plan: Plan;
  readonly #version: number;
  readonly #place: { readonly epoch: number; readonly step: number };
  readonly #accepted: LedgerRecord['shards'][number][] = [];
  /** Shards that need nothing more: the empty ones from the beginning. */
  readonly #isDone: boolean[];
  readonly #holders: number[];

  constructor(plan: Plan, version: number) {
    this.#plan = plan;
    this.#version = version;
    this.#place = plan.position(version);
    const { step } = this.#place;
    this.#isDone = Array.from({ length: plan.shards }, (_, at) => plan.runSize(step, at, 1) === 0);
    this.#holders = new Array(plan.shards).fill(0);
  }

  get acceptedCount(): number {
    return this.#accepted.length;
  }

  isMissing({ start, length }: ShardRun): boolean {
    return !this.#isDone.slice(start, start + length).includes(true);
  }

  accept(worker: string, { epoch, step, start, length }: Answer): void {
    if (epoch !== this.#place.epoch || step !== this.#place.step) {
      violated(`an answer for step ${step} of epoch ${epoch} was accepted`);
    }
    if (!isAlignedRun(start, length, this.#plan.shards))
      violated(`${start}+${length} was accepted`);
    for (let shard = start; shard < start + length; shard++) {
      if (this.#isDone[shard]) violated(`shard ${shard} was accepted twice, or is empty`);
      this.#isDone[shard] = true;
    }
    this.#accepted.push({ start, length, worker });
  }

  checkLease({ worker, version, epoch, step, runs }: Extract<Effect, { type: 'lease' }>): void {
    this.hasBegun = true;
    const isHere =
      version === this.#version && epoch === this.#place.epoch && step === this.#place.step;
    if (!isHere) violated(`${worker} was leased another step than the one in progress`);
    if (runs.length === 0 || runs.length > maxRunsPerLease) {
      violated(`${worker} was leased ${runs.length} runs`);
    }
    for (const run of runs) {
      const isWanted =
        isAlignedRun(run.start, run.length, this.#plan.shards) && this.isMissing(run);
      if (!isWanted) violated(`${worker} was leased ${runText(run)}, which nobody needs`);
    }
  }

  /** Counts who holds what now. */
  countHolders(members: Members): void {
    this.#holders.fill(0);
    for (const { pending } of this.#leases(members)) {
      for (const run of pending) this.#countHolder(run);
    }
  }

  /** Nobody is idle while there is something to compute. Of the holders that were counted last. */
  checkIdle(members: Members, now: number, wakeAt: number): void {
    const idle = this.#whoCouldWork(members);
    if (idle === undefined) return;
    for (let shard = 0; shard < this.#holders.length; shard++) {
      if (this.#isDone[shard] || this.#holders[shard] > 0) continue;
      violated(`${idle} is idle, and nobody computes shard ${shard}`);
    }
    for (const { pending, lateAt } of this.#leases(members)) {
      if (lateAt > now && lateAt >= wakeAt) continue;
      for (const run of pending) {
        if (!this.isMissing(run) || this.isShared(run)) continue;
        if (lateAt <= now) violated(`${idle} is idle, and ${runText(run)} is late`);
        violated(`it sleeps until ${wakeAt}, but ${runText(run)} is late at ${lateAt}`);
      }
    }
  }

  /** Whom the step would rely on: others are asked only when there is nobody of whom it is true. */
  #whoCouldWork(members: Members): string | undefined {
    const present = [...members.values()].filter(({ state }) => {
      return state.kind === 'idle' || state.kind === 'working';
    });
    const reliable = present.filter(({ worker, expirations }) => {
      return expirations === 0 && !this.unusable.has(worker);
    });
    const asked = reliable.length > 0 ? reliable : present;
    return asked.find(({ state }) => state.kind === 'idle')?.worker;
  }

  /** Two workers compute a part of it. Of the count that was taken last. */
  isShared({ start, length }: ShardRun): boolean {
    return this.#holders.slice(start, start + length).includes(maxLeasesPerShard);
  }

  checkCommit(record: LedgerRecord, { version, step: totals, learningRate }: Stage): void {
    const missing = this.#isDone.indexOf(false);
    if (missing >= 0) violated(`version ${version} was committed without shard ${missing}`);
    const expected: LedgerRecord = {
      version,
      ...this.#place,
      ...totals,
      learningRate,
      shards: this.#accepted.sort((a, b) => a.start - b.start),
    };
    for (const field of ['version', 'epoch', 'step', 'samples', 'lossSum', 'correct'] as const) {
      if (record[field] !== expected[field]) {
        violated(`the ledger says ${field} ${record[field]}, not ${expected[field]}`);
      }
    }
    if (record.learningRate !== expected.learningRate) violated('another learning rate was used');
    if (contributionsText(record) !== contributionsText(expected)) {
      violated(`the ledger says ${contributionsText(record)}, not ${contributionsText(expected)}`);
    }
  }

  #countHolder({ start, length }: ShardRun): void {
    for (let shard = start; shard < start + length; shard++) {
      if (++this.#holders[shard] > maxLeasesPerShard) violated(`shard ${shard} has three leases`);
    }
  }

  *#leases(members: Members): Generator<Lease> {
    for (const { state } of members.values()) {
      if (state.kind !== 'working' || state.lease.isProbe) continue;
      if (state.lease.version === this.#version) yield state.lease;
    }
  }
}

function contributionsText({ shards }: LedgerRecord): string {
  return shards.map((run) => `${runText(run)} by ${run.worker}`).join(', ');
}
