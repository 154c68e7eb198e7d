// Who works on what: gives shards to idle workers, takes them back when their time is up, copies late ones.
import type { Plan } from '../shared/plan.ts';
import type { ShardRun } from '../shared/protocol.ts';
import { allot, runMs } from './allot.ts';
import type { CrewEffect } from './core-types.ts';
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
  type WorkerState,
} from './membership.ts';
import type { StepShards } from './step-shards.ts';

/** Nothing can be given until something happens that changes that. */
interface Calm {
  /** In the step that follows so many committed ones. */
  readonly version: number;
  /** Then a lease is late, or somebody is to be probed. */
  readonly until: number;
  /** Of the leases that may be copied: for whoever would be sooner. */
  readonly latestDueAt: number;
}

const restless: Calm = {
  version: -1,
  until: Number.NEGATIVE_INFINITY,
  latestDueAt: Number.POSITIVE_INFINITY,
};

export class Leases {
  readonly #members = new Map<string, Member>();
  readonly #times: LeaseTimes;
  readonly #hasParts: boolean;
  /** No lease expires and no pause ends before this, so that not every event looks at every worker. */
  #nothingEndsBefore = Number.POSITIVE_INFINITY;
  #calm = restless;
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

  remove(worker: string, step: StepShards | undefined): void {
    const member = this.#members.get(worker);
    if (member?.state.kind === 'working') release(member.state.lease, step);
    this.#members.delete(worker);
    this.#calm = restless;
  }

  /** The step wants something else than before. */
  stir(): void {
    this.#calm = restless;
  }

  /** There is nothing that the worker has to do. */
  free(member: Member, now: number): void {
    become(member, { kind: 'idle' });
    const { version, latestDueAt } = this.#calm;
    const mayBeProbed = member.lastNeededVersion !== version;
    if (mayBeProbed || now + member.shardMs < latestDueAt) this.#calm = restless;
  }

  /** Hands back what the worker has, which gets nothing before it is ready again. */
  rest(member: Member, step: StepShards | undefined): void {
    if (member.state.kind === 'working') release(member.state.lease, step);
    become(member, { kind: 'preparing' });
    this.stir();
  }

  /** Somebody computes a shard of the step right now. */
  isUnderWay(step: StepShards | undefined): boolean {
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
    step: StepShards | undefined,
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
    if (state.kind === 'working') {
      release({ ...lease, pending: [run] }, step);
      // It was a copy, and should it not be used there may be another.
      if (!step?.hasUnheldShards) this.#calm = restless;
    }
    if (lease.pending.length > 0) return;
    if (!lease.isFirst) measure(member, lease, now);
    member.expirations = 0;
    this.free(member, now);
  }

  expire(step: StepShards | undefined, now: number): CrewEffect[] {
    if (now < this.#nothingEndsBefore) return [];
    const effects: CrewEffect[] = [];
    for (const member of this.#members.values()) {
      const { state, worker } = member;
      if (state.kind === 'suspect' && now >= state.retryAt) become(member, { kind: 'idle' });
      if (state.kind !== 'working' || now < state.lease.expiresAt) continue;
      release(state.lease, step);
      const pauseMs = this.#times.retryMs * 2 ** member.expirations++;
      const retryAt = now + Math.min(pauseMs, this.#times.maxRetryMs);
      become(member, { kind: 'suspect', lease: state.lease, retryAt });
      // It may never have received them.
      member.weightsVersion = -1;
      effects.push({ type: 'late', worker, silentMs: now - state.lease.issuedAt });
    }
    this.#nothingEndsBefore = this.#nextEnd();
    this.#calm = restless;
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
      become(member, { kind: 'idle' });
    }
  }

  /** Gives every shard that nobody computes to the idle workers, then copies of late ones to whoever is left. */
  give(step: StepShards, now: number): CrewEffect[] {
    const { version, until } = this.#calm;
    if (version === step.version && now < until && !step.hasUnheldShards) return [];
    const effects: CrewEffect[] = [];
    let idle = this.#idleMembers(step);
    // More than once when the shards come in more pieces than fit into the leases of the fastest.
    while (idle.length > 0 && step.hasUnheldShards) {
      for (const { worker, runs } of allot(step.unheldShards(), idle, this.#longestRun)) {
        const grant = { runs: runs.flatMap((run) => step.cut(run)) };
        effects.push(...this.#lease(this.#members.get(worker)!, grant, step, now));
      }
      idle = this.#idleMembers(step);
    }
    effects.push(...this.#probe(step, now));
    let copies = this.#copyLate(step, now);
    while (copies.length > 0) {
      effects.push(...copies);
      copies = this.#copyLate(step, now);
    }
    this.#calm = this.#calmOf(step);
    return effects;
  }

  /** When a lease expires, runs late or a pause ends; infinity when only an event can help. */
  wakeAt(step: StepShards | undefined): number {
    const wakeAt = this.#nextEnd();
    let lateAt = Number.POSITIVE_INFINITY;
    for (const { state } of this.#members.values()) {
      if (state.kind !== 'working' || !copyableRun(state.lease, step)) continue;
      lateAt = Math.min(lateAt, state.lease.lateAt);
    }
    if (lateAt >= wakeAt || step === undefined) return wakeAt;
    return this.#idleMembers(step).length > 0 ? lateAt : wakeAt;
  }

  #nextEnd(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { state } of this.#members.values()) {
      if (state.kind === 'suspect') next = Math.min(next, state.retryAt);
      if (state.kind === 'working') next = Math.min(next, state.lease.expiresAt);
    }
    return next;
  }

  /** Everything is given that can be: what may change that. */
  #calmOf(step: StepShards): Calm {
    const { version } = step;
    let until = Number.POSITIVE_INFINITY;
    let latestDueAt = Number.NEGATIVE_INFINITY;
    for (const member of this.#members.values()) {
      const { state } = member;
      if (state.kind === 'idle') until = Math.min(until, this.#probeAt(member, version));
      if (state.kind !== 'working' || !copyableRun(state.lease, step)) continue;
      until = Math.min(until, state.lease.lateAt);
      latestDueAt = Math.max(latestDueAt, state.lease.dueAt);
    }
    return { version, until, latestDueAt };
  }

  /**
   * Who may be given work that the step waits for. Whoever let its last lease expire, or had no usable numbers for
   * this step, gets none unless there is nobody else.
   */
  #idleMembers({ unusable }: StepShards): Member[] {
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
    step: StepShards,
    now: number,
  ): CrewEffect[] {
    const { worker } = member;
    const { version, epoch } = step;
    const lease = createLease(member, { version, runs, isProbe }, now, this.#times);
    for (const run of runs) {
      if (!isProbe) step.hold(run);
      remember(member, version, run, isProbe ? 'probe' : 'owed');
    }
    rememberShards(member, runs);
    const isCurrent = member.weightsVersion === version;
    become(member, { kind: 'working', lease });
    this.#nothingEndsBefore = Math.min(this.#nothingEndsBefore, lease.expiresAt);
    member.weightsVersion = version;
    member.lastLeasedAt = now;
    member.probes = isProbe ? member.probes + 1 : 0;
    if (!isProbe) member.lastNeededVersion = version;
    const effect: CrewEffect = { type: 'lease', worker, epoch, step: step.step, version, runs };
    return isCurrent ? [effect] : [{ type: 'weights', worker, version }, effect];
  }

  /**
   * A worker that is too slow to get work, or one too many, computes a copy now and then, because speeds change; one
   * that let a lease expire does so first of all. Who has waited is slow at first: it goes on for as many steps as that
   * makes it faster.
   */
  #probe(step: StepShards, now: number): CrewEffect[] {
    const effects: CrewEffect[] = [];
    for (const member of this.#members.values()) {
      if (member.state.kind !== 'idle' || now < this.#probeAt(member, step.version)) continue;
      const run = step.lastMissingShard(member.parts);
      if (run !== undefined)
        effects.push(...this.#lease(member, { runs: [run], isProbe: true }, step, now));
    }
    return effects;
  }

  /** When an idle worker is to be probed in the step that follows `version` committed ones. */
  #probeAt(member: Member, version: number) {
    const { probeMs, maxProbeMs } = this.#times;
    const { expirations, lastNeededVersion, lastLeasedAt, probes } = member;
    if (expirations > 0) return Number.NEGATIVE_INFINITY;
    if (lastNeededVersion === version) return Number.POSITIVE_INFINITY;
    if (member.improves && member.weightsVersion !== version) return Number.NEGATIVE_INFINITY;
    return lastLeasedAt + Math.min(probeMs * 2 ** probes, maxProbeMs);
  }

  /** Near the end of a step: idle workers compute what is late, or what they would finish sooner. */
  #copyLate(step: StepShards, now: number): CrewEffect[] {
    const effects: CrewEffect[] = [];
    const idle = this.#idleMembers(step);
    const fastestMs = Math.min(...idle.map(({ shardMs }) => shardMs));
    for (const { state } of [...this.#members.values()]) {
      if (idle.length === 0) break;
      if (state.kind !== 'working') continue;
      const { lease } = state;
      const run = copyableRun(lease, step);
      if (run === undefined) continue;
      if (now < lease.lateAt && now + fastestMs * run.length >= lease.dueAt) continue;
      const [soonest] = idle.sort((a, b) => runMs(a, run) - runMs(b, run));
      const isFaster = now + runMs(soonest, run) < lease.dueAt;
      if (now < lease.lateAt && !isFaster) continue;
      effects.push(...this.#lease(soonest, { runs: [run] }, step, now));
      idle.shift();
    }
    return effects;
  }
}

/** Nobody else changes what a worker does: what is known of all of them would not be true any more. */
function become(member: { state: WorkerState }, state: WorkerState): void {
  member.state = state;
}

function release({ version, pending, isProbe }: Lease, step: StepShards | undefined): void {
  if (version !== step?.version || isProbe) return;
  for (const run of pending) step.release(run);
}

/** The run that its holder will come to last and that nobody else computes. */
function copyableRun({ version, pending, isProbe }: Lease, step: StepShards | undefined) {
  if (version !== step?.version || isProbe) return undefined;
  return pending.findLast((run) => step.canBeCopied(run));
}

function indexOfRun(runs: readonly ShardRun[], { start, length }: ShardRun): number {
  return runs.findIndex((run) => run.start === start && run.length === length);
}
