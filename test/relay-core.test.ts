// What a relay decides, in virtual time.
import { describe, expect, it } from 'vitest';
import type { Answer } from '../coordinator/core-types.ts';
import { RelayCore, type RelayEffect, type RelayEvent } from '../coordinator/relay-core.ts';
import { int8 } from '../shared/codecs/int8.ts';
import { addWithin, encodeSum, roundSum, type Subtree } from '../shared/codecs/rounding.ts';
import { createPlan } from '../shared/plan.ts';
import type { ShardRun } from '../shared/protocol.ts';
import { TreeSum } from '../shared/tree-sum.ts';

const parameterCount = 300;
const gradientCodec = { codec: int8, seed: 5 };

type EffectOf<Type extends RelayEffect['type']> = Extract<RelayEffect, { type: Type }>;

class VirtualRelay {
  readonly plan = createPlan({
    samples: 64,
    batchSize: 32,
    shards: 8,
    epochs: 2,
    seed: 0,
    shuffle: true,
    sharding: 'shuffled',
  });
  readonly core = new RelayCore({ plan: this.plan, parameterCount, codec: gradientCodec });
  readonly effects: RelayEffect[] = [];
  /** Milliseconds. */
  now = 0;

  /** Each worker takes so many milliseconds for a shard, as it says. */
  constructor(workers: Readonly<Record<string, number>> = {}) {
    this.handle({ type: 'tick' });
    for (const [worker, shardMs] of Object.entries(workers)) this.join(worker, shardMs);
  }

  handle(event: RelayEvent): RelayEffect[] {
    const effects = this.core.handle(event, this.now);
    // As they go out: the memory is used again.
    for (const effect of effects) {
      const isSum = effect.type === 'sum';
      this.effects.push(
        isSum ? { ...effect, sum: { ...effect.sum, payload: effect.sum.payload.slice() } } : effect,
      );
    }
    return effects;
  }

  join(worker: string, shardMs: number): void {
    this.handle({ type: 'joined', worker, name: worker });
    this.handle({ type: 'ready', worker, samplesPerSecond: 4000 / shardMs });
  }

  lease(version: number, ...runs: ShardRun[]): RelayEffect[] {
    return this.handle({ type: 'leased', version, runs });
  }

  all<Type extends RelayEffect['type']>(type: Type): EffectOf<Type>[] {
    return this.effects.filter((effect): effect is EffectOf<Type> => effect.type === type);
  }

  leaseOf(worker: string): EffectOf<'lease'> {
    return this.all('lease').findLast((effect) => effect.worker === worker)!;
  }

  /** What the worker would answer to its latest lease, or another one. */
  answersOf(worker: string, lease = this.leaseOf(worker)): Answer[] {
    const { version, epoch, step, runs } = lease;
    return runs.map(({ start, length }) => {
      const run = { epoch, step, start, length };
      const payload = encoded(run);
      const gradient = int8.decode(payload, new Float32Array(parameterCount));
      const samples = this.plan.runSize(step, start, length);
      return { ...run, version, samples, lossSum: samples, correct: 1, gradient, payload };
    });
  }

  answer(worker: string, changes: Partial<Answer> = {}, lease = this.leaseOf(worker)): void {
    for (const answer of this.answersOf(worker, lease)) {
      this.handle({ type: 'answer', worker, answer: { ...answer, ...changes } });
    }
  }
}

/** As whoever computes the shards one by one would add them up. */
function sumOver(run: Subtree): Float32Array {
  const { start, length } = run;
  const tree = new TreeSum(length, addWithin(gradientCodec, run));
  for (let shard = start; shard < start + length; shard++) {
    const gradient = Float32Array.from({ length: parameterCount }, (_, at) =>
      Math.sin(1 + at + 1000 * shard),
    );
    if (length > 1) roundSum(gradientCodec, { ...run, start: shard, length: 1 }, gradient);
    tree.add(shard - start, 1, { gradient, lossSum: 0, correct: 0 });
  }
  return tree.total!.gradient;
}

function payloadOf({ epoch, step, sum: { start, length } }: EffectOf<'sum'>): Uint8Array {
  return encoded({ epoch, step, start, length });
}

function encoded(run: Subtree): Uint8Array {
  const bytes = new Uint8Array(int8.byteLength(parameterCount));
  encodeSum(gradientCodec, run, sumOver(run), bytes);
  return bytes;
}

const whole = { start: 0, length: 8 };
const half = { start: 4, length: 4 };

describe('the sum of a leased run', () => {
  it.for([1, 2, 3, 5])('has the bytes that one worker would send, of %i', (count) => {
    const names = Array.from({ length: count }, (_, at) => `w${at}`);
    const relay = new VirtualRelay(Object.fromEntries(names.map((name) => [name, 10])));
    relay.lease(1, half, { start: 2, length: 2 }, { start: 1, length: 1 });
    for (const name of names.toReversed()) relay.answer(name);
    const sums = relay.all('sum');
    expect(sums.map(({ sum }) => sum.start).toSorted()).toEqual([1, 2, 4]);
    for (const effect of sums) {
      expect(effect.sum.payload).toEqual(payloadOf(effect));
      expect(effect).toMatchObject({ version: 1, epoch: 0, step: 1 });
      expect(effect.samples).toBe(4 * effect.sum.length);
      expect(effect.sum.lossSum).toBe(effect.samples);
    }
  });

  it('is what one worker sent, byte for byte, where one computed all of it', () => {
    const relay = new VirtualRelay({ only: 10 });
    relay.lease(0, half);
    // As no codec would write it.
    const payload = Uint8Array.of(1, 2, 3);
    relay.answer('only', { payload });
    expect(relay.all('sum')[0].sum.payload).toEqual(payload);
  });

  it('goes out once, and is not waited for twice', () => {
    const relay = new VirtualRelay({ fast: 10, slow: 1000 });
    relay.lease(0, { start: 0, length: 2 });
    const [first] = relay.answersOf('fast');
    relay.answer('fast');
    relay.handle({ type: 'answer', worker: 'fast', answer: first });
    expect(relay.all('sum')).toHaveLength(1);
    expect(relay.all('refuse')).toEqual([{ type: 'refuse', worker: 'fast', reason: 'duplicate' }]);
  });

  it('comes from others when a worker is slow with its part, or gone', () => {
    const relay = new VirtualRelay({ one: 10, two: 10, three: 10 });
    relay.lease(0, whole);
    const [lost, slow] = [relay.leaseOf('one'), relay.leaseOf('two')];
    relay.handle({ type: 'left', worker: 'one' });
    // Faster than the others, it is given what they have, too.
    for (let tries = 0; relay.all('sum').length === 0 && tries < 10; tries++) relay.answer('three');
    expect(relay.all('sum')[0].sum.payload).toEqual(payloadOf(relay.all('sum')[0]));
    relay.answer('two', {}, slow);
    relay.answer('one', {}, lost);
    expect(relay.all('sum')).toHaveLength(1);
    expect(relay.all('refuse').every(({ reason }) => reason === 'duplicate')).toBe(true);
  });

  it('is cut where two runs meet that are leased apart', () => {
    const relay = new VirtualRelay({ only: 10 });
    relay.lease(0, { start: 0, length: 2 }, { start: 2, length: 2 });
    expect(relay.leaseOf('only').runs).toEqual([
      { start: 0, length: 2 },
      { start: 2, length: 2 },
    ]);
    relay.answer('only');
    expect(relay.all('sum')).toHaveLength(2);
  });
});

describe('a lease', () => {
  it('ends the one before: what comes for that is late, and no harm', () => {
    const relay = new VirtualRelay({ one: 10, two: 10 });
    relay.lease(0, whole);
    const old = relay.leaseOf('one');
    relay.lease(1, whole);
    relay.answer('one', {}, old);
    expect(relay.all('refuse')).toEqual([{ type: 'refuse', worker: 'one', reason: 'late' }]);
    relay.answer('one');
    relay.answer('two');
    expect(relay.all('sum').map(({ version }) => version)).toEqual([1]);
  });

  it('of the same step keeps what is there of a run that is wanted still', () => {
    const relay = new VirtualRelay({ one: 10, two: 10 });
    relay.lease(0, whole);
    relay.answer('one');
    relay.lease(0, whole);
    relay.answer('two');
    expect(relay.all('sum').map(({ sum }) => sum.length)).toEqual([8]);
  });

  it.for([[[half]], [[{ start: 0, length: 4 }, half]]])(
    'of the same step, %j, takes no answer that is no part of one run',
    ([runs]) => {
      const relay = new VirtualRelay({ only: 10 });
      relay.lease(0, whole);
      const old = relay.leaseOf('only');
      relay.lease(0, ...runs);
      relay.answer('only', {}, old);
      const refusal = { type: 'refuse', worker: 'only', reason: 'duplicate' };
      expect(relay.all('refuse')).toEqual([refusal]);
      relay.answer('only');
      expect(relay.all('sum').map(({ sum }) => sum.start)).toEqual(runs.map(({ start }) => start));
    },
  );

  it('is kept by nobody when the last worker has gone', () => {
    const relay = new VirtualRelay({ only: 10 });
    relay.lease(0, whole);
    relay.handle({ type: 'left', worker: 'only' });
    expect(relay.all('crew').at(-1)!.workers).toBe(0);
    const before = relay.all('lease').length;
    relay.join('another', 10);
    expect(relay.all('lease')).toHaveLength(before);
  });
});

describe('who is there', () => {
  it('is told as one speed, whenever it changes', () => {
    const relay = new VirtualRelay({ one: 10, two: 20 });
    relay.handle({ type: 'left', worker: 'one' });
    const told = relay
      .all('crew')
      .map(({ workers, samplesPerSecond }) => [workers, Math.round(samplesPerSecond)]);
    expect(told).toEqual([
      [0, 0],
      [1, 400],
      [2, 600],
      [1, 200],
    ]);
  });

  it('counts those behind a relay below, as long as it has any', () => {
    const relay = new VirtualRelay({ one: 10 });
    relay.handle({ type: 'joined', worker: 'r', name: 'r' });
    const below = (workers: number) =>
      relay.handle({ type: 'crew', worker: 'r', workers, samplesPerSecond: 400 * workers });
    below(5);
    expect(relay.all('crew').at(-1)).toMatchObject({ workers: 6, samplesPerSecond: 2400 });
    below(3);
    expect(relay.all('crew').at(-1)).toMatchObject({ workers: 4, samplesPerSecond: 1600 });
    below(0);
    expect(relay.all('crew').at(-1)).toMatchObject({ workers: 1, samplesPerSecond: 400 });
    expect(relay.core.readyCount).toBe(1);
  });

  it('is nobody while all are late', () => {
    const relay = new VirtualRelay({ only: 10 });
    relay.lease(0, whole);
    relay.now = 10_000;
    relay.handle({ type: 'tick' });
    expect(relay.all('crew').at(-1)!.workers).toBe(0);
    relay.answer('only');
    expect(relay.all('crew').at(-1)!.workers).toBe(1);
  });
});

describe('numbers that are none', () => {
  const broken = { gradient: new Float32Array(parameterCount).fill(Number.NaN) };

  it('are the fault of a worker when others have better ones', () => {
    const relay = new VirtualRelay({ liar: 10, honest: 10 });
    for (let version = 0; version < 3; version++) {
      relay.lease(version, whole);
      relay.answer('liar', broken);
      relay.answer('honest');
      relay.answer('honest');
    }
    expect(relay.all('expel')).toEqual([{ type: 'expel', worker: 'liar', reason: 'strikes' }]);
    const sums = relay.all('sum');
    expect(sums).toHaveLength(3);
    for (const effect of sums) expect(effect.sum.payload).toEqual(payloadOf(effect));
  });

  it('go out when all have none: it may be training itself', () => {
    const relay = new VirtualRelay({ one: 10, two: 10 });
    relay.lease(0, whole);
    for (let tries = 0; relay.all('sum').length === 0 && tries < 10; tries++) {
      relay.answer('one', broken);
      relay.answer('two', broken);
    }
    const [{ sum }] = relay.all('sum');
    expect(sum.length).toBe(8);
    const decoded = int8.decode(sum.payload, new Float32Array(parameterCount));
    expect(decoded.every(Number.isNaN)).toBe(true);
    // Whoever leased it decides what that means.
    expect(relay.all('expel')).toEqual([]);
  });
});
