// Who works on what: gives shards to idle workers, takes them back when their time is up, copies late ones.
import type { Plan } from '../shared/plan.ts';
import type { ShardRun } from '../shared/protocol.ts';
import { allot, runMs } from './allot.ts';
import type { Effect } from './core-types.ts';
import {
  createLease,
  type Grant,
  type Lease,
  type LeaseTimes,
  type Member,
  measure,
  newMember,
  remember,
  rememberShards,
  runKey,
} from './membership.ts';
import type { OpenStep } from './open-step.ts';

export class Leases {
  readonly #members = new Map<string, Member>();
  readonly #times: LeaseTimes;
  readonly #hasParts: boolean;
  readonly #longestRun: number | undefined;

  /** Nobody computes a run of more than `longestRun` shards. */
  constructor(times: LeaseTimes, { hasParts }: Pick<Plan, 'hasParts'>, longestRun?: number) {
    this.#times = times;
    this.#longestRun = longestRun;
    this.#hasParts = hasParts;
  }

  get members(): ReadonlyMap<string, Member> {
    return this.#members;
  }

  /** Those who can compute, whatever they do at present. */
  get ready(): Member[] {
    return [...this.#members.values()].filter(({ state }) => state.kind !== 'preparing');
  }

  get readyCount(): number {
    return this.ready.length;
  }

  add(worker: string, name: string): void {
    this.#members.set(worker, newMember(worker, name, this.#hasParts));
  }

  remove(worker: string, step: OpenStep | undefined): void {
    const member = this.#members.get(worker);
    if (member?.state.kind === 'working') release(member.state.lease, step);
    this.#members.delete(worker);
  }

  /** Somebody computes a shard of the step right now. */
  isUnderWay(step: OpenStep | undefined): boolean {
    for (const { state } of this.#members.values()) {
      if (state.kind === 'working' && state.lease.version === step?.version) return true;
    }
    return false;
  }

  /** The run is off the worker's list, whatever its answer was worth; with the last one it is free again. */
  settle(
    member: Member,
    version: number,
    run: ShardRun,
    step: OpenStep | undefined,
    now: number,
  ): void {
    const key = runKey(version, run);
    if (member.granted.has(key)) member.granted.set(key, 'answered');
    const { state } = member;
    if (state.kind !== 'working' && state.kind !== 'suspect') return;
    const { lease } = state;
    const at = lease.version === version ? indexOfRun(lease.pending, run) : -1;
    if (at < 0) return;
    lease.pending.splice(at, 1);
    // The runs of a suspect were released when its lease expired.
    if (state.kind === 'working') release({ ...lease, pending: [run] }, step);
    if (lease.pending.length > 0) return;
    if (!lease.isFirst) measure(member, lease, now);
    member.expirations = 0;
    member.state = { kind: 'idle' };
  }

  expire(step: OpenStep | undefined, now: number): Effect[] {
    const effects: Effect[] = [];
    for (const member of this.#members.values()) {
      const { state, worker } = member;
      if (state.kind === 'suspect' && now >= state.retryAt) member.state = { kind: 'idle' };
      if (state.kind !== 'working' || now < state.lease.expiresAt) continue;
      release(state.lease, step);
      const pauseMs = this.#times.retryMs * 2 ** member.expirations++;
      const retryAt = now + Math.min(pauseMs, this.#times.maxRetryMs);
      member.state = { kind: 'suspect', lease: state.lease, retryAt };
      // It may never have received them.
      member.weightsVersion = -1;
      effects.push({ type: 'late', worker, silentMs: now - state.lease.issuedAt });
    }
    return effects;
  }

  /**
   * A step begins: who still computes for the one before is free for this one, and drops the rest of the old work
   * when it hears of the new. Not who is late with it: that is waited for, to learn how slow it is.
   */
  freeForNextStep(now: number): void {
    for (const member of this.#members.values()) {
      const { state } = member;
      if (state.kind !== 'working' || state.lease.isProbe || now >= state.lease.lateAt) continue;
      member.state = { kind: 'idle' };
    }
  }

  /** Gives every shard that nobody computes to the idle workers, then copies of late ones to whoever is left. */
  give(step: OpenStep, now: number): Effect[] {
    const effects: Effect[] = [];
    let idle = this.#idleMembers(step);
    // More than once when the shards come in more pieces than fit into the leases of the fastest.
    while (idle.length > 0 && step.hasUnheldShards) {
      for (const { worker, runs } of allot(step.unheldShards(), idle, this.#longestRun)) {
        effects.push(...this.#lease(this.#members.get(worker)!, { runs }, step, now));
      }
      idle = this.#idleMembers(step);
    }
    effects.push(...this.#probe(step, now));
    let copies = this.#copyLate(step, now);
    while (copies.length > 0) {
      effects.push(...copies);
      copies = this.#copyLate(step, now);
    }
    return effects;
  }

  /** When a lease expires, runs late or a pause ends; infinity when only an event can help. */
  wakeAt(step: OpenStep | undefined): number {
    let wakeAt = Number.POSITIVE_INFINITY;
    let lateAt = Number.POSITIVE_INFINITY;
    for (const { state } of this.#members.values()) {
      if (state.kind === 'suspect') wakeAt = Math.min(wakeAt, state.retryAt);
      if (state.kind !== 'working') continue;
      wakeAt = Math.min(wakeAt, state.lease.expiresAt);
      if (copyableRun(state.lease, step)) lateAt = Math.min(lateAt, state.lease.lateAt);
    }
    if (lateAt >= wakeAt || step === undefined) return wakeAt;
    return this.#idleMembers(step).length > 0 ? lateAt : wakeAt;
  }

  /**
   * Who may be given work that the step waits for. Whoever let its last lease expire, or had no usable numbers for
   * this step, gets none unless there is nobody else.
   */
  #idleMembers({ unusable }: OpenStep): Member[] {
    const present = [...this.#members.values()].filter(({ state }) => {
      return state.kind === 'idle' || state.kind === 'working';
    });
    const reliable = present.filter(({ worker, expirations }) => {
      return expirations === 0 && !unusable.has(worker);
    });
    return (reliable.length > 0 ? reliable : present).filter(({ state }) => state.kind === 'idle');
  }

  #lease(
    member: Member,
    { runs, isProbe = false }: Partial<Grant> & Pick<Grant, 'runs'>,
    step: OpenStep,
    now: number,
  ): Effect[] {
    const { worker } = member;
    const { version, epoch } = step;
    const lease = createLease(member, { version, runs, isProbe }, now, this.#times);
    for (const run of runs) {
      if (!isProbe) step.hold(run);
      remember(member, version, run, isProbe ? 'probe' : 'owed');
    }
    rememberShards(member, runs);
    const isCurrent = member.weightsVersion === version;
    member.state = { kind: 'working', lease };
    member.weightsVersion = version;
    member.lastLeasedAt = now;
    member.probes = isProbe ? member.probes + 1 : 0;
    if (!isProbe) member.lastNeededVersion = version;
    const effect: Effect = { type: 'lease', worker, epoch, step: step.step, version, runs };
    return isCurrent ? [effect] : [{ type: 'weights', worker, version }, effect];
  }

  /**
   * A worker that is too slow to get work, or one too many, computes a copy now and then, because speeds change; one
   * that let a lease expire does so first of all.
   */
  #probe(step: OpenStep, now: number): Effect[] {
    const { probeMs, maxProbeMs } = this.#times;
    const effects: Effect[] = [];
    for (const member of this.#members.values()) {
      if (member.state.kind !== 'idle') continue;
      const { expirations, lastNeededVersion, lastLeasedAt, probes } = member;
      const pauseMs = Math.min(probeMs * 2 ** probes, maxProbeMs);
      const isNeeded = lastNeededVersion === step.version || now - lastLeasedAt < pauseMs;
      if (expirations === 0 && isNeeded) continue;
      const run = step.lastMissingShard(member.parts);
      if (run !== undefined)
        effects.push(...this.#lease(member, { runs: [run], isProbe: true }, step, now));
    }
    return effects;
  }

  /** Near the end of a step: idle workers compute what is late, or what they would finish sooner. */
  #copyLate(step: OpenStep, now: number): Effect[] {
    const effects: Effect[] = [];
    const idle = this.#idleMembers(step);
    for (const { state } of [...this.#members.values()]) {
      if (idle.length === 0) break;
      if (state.kind !== 'working') continue;
      const { lease } = state;
      const run = copyableRun(lease, step);
      if (run === undefined) continue;
      const [soonest] = idle.sort((a, b) => runMs(a, run) - runMs(b, run));
      const isFaster = now + runMs(soonest, run) < lease.dueAt;
      if (now < lease.lateAt && !isFaster) continue;
      effects.push(...this.#lease(soonest, { runs: [run] }, step, now));
      idle.shift();
    }
    return effects;
  }
}

function release({ version, pending, isProbe }: Lease, step: OpenStep | undefined): void {
  if (version !== step?.version || isProbe) return;
  for (const run of pending) step.release(run);
}

/** The run that its holder will come to last and that nobody else computes. */
function copyableRun({ version, pending, isProbe }: Lease, step: OpenStep | undefined) {
  if (version !== step?.version || isProbe) return undefined;
  return pending.findLast((run) => step.canBeCopied(run));
}

function indexOfRun(runs: readonly ShardRun[], { start, length }: ShardRun): number {
  return runs.findIndex((run) => run.start === start && run.length === length);
}
