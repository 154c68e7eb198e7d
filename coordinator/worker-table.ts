// What each worker does for the run: the rows that watchers see.
import type { NewRunEvent, WorkerRow } from '../shared/events.ts';
import { Meter } from '../shared/meter.ts';
import type { Plan } from '../shared/plan.ts';
import type { RejectReason } from '../shared/protocol.ts';
import type { LedgerRecord } from './ledger.ts';
import type { Member } from './membership.ts';
import type { Traffic, WorkerPeer } from './work-channel.ts';

/** What a worker computes with; of a relay, how many do. */
export type Equipment = Pick<WorkerRow, 'engine' | 'behind'>;
export type WorkerEvent = Extract<NewRunEvent, { type: 'worker' }>;
export type WorkerFate = Pick<WorkerEvent, 'action' | 'workers' | 'reason'>;

type Tally = Pick<WorkerRow, 'samples' | 'accepted' | 'duplicate' | 'late' | 'rejected'>;

interface Account {
  readonly peer: WorkerPeer;
  readonly tally: { -readonly [Name in keyof Tally]: number };
  readonly meter: Meter;
  equipment: Equipment;
  /** The lease that it computes, and how much of that was spent in its engine. */
  lease?: { readonly at: number; pending: number; computeMs: number };
  /** Of the last lease that it answered in full. */
  split?: { readonly computeMs: number; readonly networkMs: number };
}

/** All times are monotonic, in milliseconds. */
export class WorkerTable {
  readonly #accounts = new Map<string, Account>();
  readonly #plan: Plan;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  joined(peer: WorkerPeer): void {
    const tally = { samples: 0, accepted: 0, duplicate: 0, late: 0, rejected: 0 };
    this.#accounts.set(peer.worker, { peer, equipment: {}, tally, meter: new Meter() });
  }

  equipped(worker: string, equipment: Equipment): void {
    const account = this.#accounts.get(worker);
    if (account) account.equipment = equipment;
  }

  gone(worker: string): void {
    this.#accounts.delete(worker);
  }

  /** Something became of a worker, of whom so many are ready after it. */
  eventOf(
    { worker, name }: Pick<WorkerRow, 'worker' | 'name'>,
    { action, workers, reason }: WorkerFate,
  ): WorkerEvent {
    const { kind, engine, behind } = this.about(worker) ?? {};
    return {
      type: 'worker',
      worker,
      name,
      action,
      ...(kind !== undefined && { kind }),
      ...(engine !== undefined && { engine }),
      ...(behind !== undefined && { behind }),
      ...(reason !== undefined && { reason }),
      workers,
    };
  }

  /** Undefined for one that is gone. */
  about(worker: string): Pick<WorkerRow, 'name' | 'kind' | 'engine' | 'behind'> | undefined {
    const account = this.#accounts.get(worker);
    return account && { ...account.peer, ...account.equipment };
  }

  leased(worker: string, runs: number, now: number): void {
    const account = this.#accounts.get(worker);
    if (account) account.lease = { at: now, pending: runs, computeMs: 0 };
  }

  /** `computeMs` is what it says itself: it is believed as far as it fits into the time that passed. */
  answered(worker: string, computeMs: number, now: number): void {
    const account = this.#accounts.get(worker);
    const lease = account?.lease;
    if (!account || !lease) return;
    lease.computeMs += Math.max(0, computeMs);
    if (--lease.pending > 0) return;
    const elapsedMs = now - lease.at;
    const inEngineMs = Math.min(lease.computeMs, elapsedMs);
    account.split = { computeMs: inEngineMs, networkMs: elapsedMs - inEngineMs };
    account.lease = undefined;
  }

  refused(worker: string, reason: RejectReason): void {
    const tally = this.#accounts.get(worker)?.tally;
    if (tally) tally[reason === 'late' || reason === 'duplicate' ? reason : 'rejected']++;
  }

  committed({ step, shards }: LedgerRecord, now: number): void {
    for (const { worker, start, length } of shards) {
      const account = this.#accounts.get(worker);
      if (!account) continue;
      const samples = this.#plan.runSize(step, start, length);
      account.tally.accepted++;
      account.tally.samples += samples;
      account.meter.add(samples, now);
    }
  }

  rows(
    members: ReadonlyMap<string, Readonly<Member>>,
    trafficOf: (worker: string) => Traffic,
    now: number,
  ): WorkerRow[] {
    const accounts = [...this.#accounts.values()];
    const speeds = accounts.map(({ meter }) => meter.perSecond(now));
    const total = speeds.reduce((sum, speed) => sum + speed, 0);
    return accounts.flatMap(({ peer, equipment, tally, split }, at) => {
      const member = members.get(peer.worker);
      if (member === undefined) return [];
      return {
        ...peer,
        ...equipment,
        state: stateOf(member, speeds[at]),
        samplesPerSecond: speeds[at],
        share: total > 0 ? speeds[at] / total : 0,
        ...split,
        lagMs: lagOf(member, now),
        ...tally,
        ...trafficOf(peer.worker),
      };
    });
  }
}

function stateOf({ state }: Readonly<Member>, samplesPerSecond: number): WorkerRow['state'] {
  if (state.kind === 'preparing') return 'preparing';
  if (state.kind === 'suspect') return 'late';
  return samplesPerSecond > 0 ? 'working' : 'idle';
}

function lagOf({ state }: Readonly<Member>, now: number): number {
  return 'lease' in state ? Math.max(0, now - state.lease.dueAt) : 0;
}
