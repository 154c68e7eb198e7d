// The workers as somebody sees them who hears only what goes into the core and what comes out.
import type { Answer, CoreEvent, Effect } from '../../coordinator/core-types.ts';
import { type Member, shardsOf } from '../../coordinator/membership.ts';
import type { ShardRun } from '../../shared/protocol.ts';
import { violated } from './violation.ts';
import type { World } from './world.ts';

type EffectOf<Type> = Extract<Effect, { type: Type }>;

const maxStrikes = 3;
const maxRememberedRuns = 1024;
const maxRememberedLeases = 16;

export class StaffWitness {
  readonly #world: World;
  readonly #isHonest: (worker: string) => boolean;
  /** Who joined and neither left nor was expelled. */
  readonly #present = new Set<string>();
  /** Relays that have nobody. */
  readonly #resting = new Set<string>();
  /** Version of the weights that each worker was sent, unless they may have been lost. */
  readonly #sent = new Map<string, number>();
  readonly #strikes = new Map<string, number>();
  /** Runs that a worker answered since it was leased them last. */
  readonly #answered = new Set<string>();
  /** Runs whose answers are for the worker's speed alone. */
  readonly #probes = new Set<string>();
  /** Whom an administrator sent away. */
  readonly #unwanted = new Set<string>();
  /** Shards of each worker's latest leases. */
  readonly #leased = new Map<string, (readonly number[])[]>();

  constructor(world: World, isHonest: (worker: string) => boolean) {
    this.#world = world;
    this.#isHonest = isHonest;
  }

  notice(event: CoreEvent): void {
    if (event.type === 'joined') this.#present.add(event.worker);
    if (event.type === 'left') this.#present.delete(event.worker);
    if (event.type === 'crew' && event.workers === 0) this.#resting.add(event.worker);
    else if (event.type === 'crew' || event.type === 'ready') this.#resting.delete(event.worker);
    if (event.type === 'expel' && isByOrder(event.reason)) this.#unwanted.add(event.worker);
  }

  /** False for a repeated one, and for that of a probe. */
  isOfUse(worker: string, answer: Answer): boolean {
    const key = answerKey(worker, answer.version, answer);
    const isFirst = !this.#answered.has(key);
    this.#answered.add(key);
    return isFirst && !this.#probes.has(key);
  }

  checkWeights({ worker, version }: EffectOf<'weights'>): void {
    if (this.#sent.get(worker) === version) violated(`${worker} was sent its weights twice`);
    this.#sent.set(worker, version);
  }

  checkLease({ worker, version, runs }: EffectOf<'lease'>, { state, parts }: Member): void {
    if (this.#resting.has(worker)) violated(`${worker} was leased shards and has nobody`);
    if (this.#sent.get(worker) !== version) violated(`${worker} has other weights than its lease`);
    if (state.kind !== 'working' || state.lease.pending.length !== runs.length) {
      return violated(`${worker} has another lease, too`);
    }
    for (const run of runs) {
      const key = answerKey(worker, version, run);
      this.#answered.delete(key);
      if (state.lease.isProbe) this.#probes.add(key);
      else this.#probes.delete(key);
    }
    if (parts !== undefined) this.#checkParts(worker, shardsOf(runs), parts, state.lease.isFirst);
  }

  /** What is remembered of a worker's shards is what it was leased. */
  #checkParts(
    worker: string,
    shards: readonly number[],
    parts: ReadonlySet<number>,
    isFirst: boolean,
  ): void {
    const before = this.#leased.get(worker) ?? [];
    const after = [...before, shards].slice(-maxRememberedLeases);
    this.#leased.set(worker, after);
    const known = new Set(before.flat());
    const foreign = shards.filter((shard) => !known.has(shard));
    const leased = new Set(after.flat());
    if (isFirst !== foreign.length > 0) violated(`a lease of ${worker} is not measured as it is`);
    if (parts.size !== leased.size || !shards.every((shard) => parts.has(shard))) {
      violated(`${worker} was leased other shards than are remembered`);
    }
    this.#world.happened(isFirst ? 'shard leased anew' : 'shards leased again');
  }

  checkLate({ worker }: EffectOf<'late'>): void {
    this.#sent.delete(worker);
    this.#world.happened('lease expired');
  }

  checkRefusal({ worker, reason }: EffectOf<'refuse'>, isStrike: boolean): void {
    if (reason === 'late') return this.#world.happened('answer late');
    if (reason === 'duplicate') return this.#world.happened('answer duplicate');
    if (this.#isHonest(worker)) violated(`${worker} was refused as ${reason}`);
    if (isStrike) this.#strikes.set(worker, (this.#strikes.get(worker) ?? 0) + 1);
  }

  checkExpulsion({ worker, reason }: EffectOf<'expel'>): void {
    this.#present.delete(worker);
    if (isByOrder(reason) && this.#unwanted.has(worker)) return;
    const isDeserved = reason !== 'strikes' || this.#strikes.get(worker) === maxStrikes;
    if (!isDeserved || this.#isHonest(worker)) violated(`${worker} was expelled`);
    this.#world.happened('liar expelled');
  }

  checkMembers(members: ReadonlyMap<string, Readonly<Member>>): void {
    if (members.size !== this.#present.size) violated(`it has ${members.size} members`);
    for (const member of members.values()) {
      const { worker } = member;
      if (!this.#present.has(worker)) violated(`${worker} is still a member`);
      if (this.#strikes.get(worker) === maxStrikes) violated(`${worker} was not expelled`);
      checkMember(member);
    }
  }
}

/** Somebody decided it who knows more than the core. */
function isByOrder(reason: string): boolean {
  return reason === 'expelled' || reason === 'audit';
}

function checkMember({ worker, state, granted, shardMs }: Readonly<Member>): void {
  if (granted.size > maxRememberedRuns)
    violated(`${granted.size} runs of ${worker} are remembered`);
  if (state.kind === 'working' && state.lease.pending.length === 0) {
    violated(`${worker} has answered all and gets nothing more`);
  }
  if (!Number.isFinite(shardMs) || shardMs < 0) violated(`${worker} takes ${shardMs} ms a shard`);
}

function answerKey(worker: string, version: number, { start, length }: ShardRun): string {
  return `${worker} ${version}:${start}+${length}`;
}
