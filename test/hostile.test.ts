// Workers that lie: their messages arrive whole, and nothing in them is as it should be.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GradientMessage, workNamespace } from '../shared/protocol.ts';
import { answerTo, handshakeOf, newImpostor, newStranger } from './hostile-client.ts';
import { besiege, openScope, type Siege } from './siege.ts';

const { scope, close } = openScope();
let siege: Siege;
beforeAll(async () => {
  siege = await besiege(scope);
});
afterAll(close);

const ready = { type: 'ready', engine: 'a liar', samplesPerSecond: 1e6 };
const firstLease = {
  type: 'lease' as const,
  epoch: 0,
  step: 0,
  version: 0,
  runs: [{ start: 0, length: 1 }],
};

function thrice(reason: string): string[] {
  return Array(3).fill(`rejected: ${reason}`);
}

describe('a worker that is not ready yet', () => {
  it.for<[string, unknown]>([
    ['nothing', null],
    ['a word', 'hello'],
    ['a number', 7],
    ['a list', [ready]],
    ['an empty message', {}],
    ['a type that does not exist', { type: 'obey' }],
    ['a type that every object has', { type: 'constructor' }],
    ['a type that is a list', { ...ready, type: ['ready'] }],
    ['half a message', { type: 'ready', engine: 'a liar' }],
    ['more than a message', { ...ready, isAdmin: true }],
    ['an engine with a long name', { ...ready, engine: 'x'.repeat(100_000) }],
    ['a speed in words', { ...ready, samplesPerSecond: 'fast' }],
    ['a speed of 0', { ...ready, samplesPerSecond: 0 }],
    ['a speed below 0', { ...ready, samplesPerSecond: -1 }],
    ['a speed without end', { ...ready, samplesPerSecond: Number.POSITIVE_INFINITY }],
    ['a speed that is no number', { ...ready, samplesPerSecond: Number.NaN }],
    ['a farewell without a reason', { type: 'leave' }],
  ])('and sends %s is refused, and the third time expelled', async ([what, message], t) => {
    const { stranger, name } = await newImpostor(t, siege.url, what);
    for (let time = 0; time < 4; time++) stranger.say(message);
    expect(await siege.fateOf(name)).toEqual(['joined', ...thrice('malformed'), 'expelled']);
    expect(await stranger.told('refused')).toMatchObject({ reason: 'strikes' });
    await stranger.wire.closed;
  });

  it('and sends gradients is refused, and the third time expelled', async (t) => {
    const { stranger, name, welcome } = await newImpostor(t, siege.url, 'hasty');
    for (let time = 0; time < 3; time++) stranger.say(answerTo(welcome, firstLease));
    expect(await siege.fateOf(name)).toEqual(['joined', ...thrice('stale'), 'expelled']);
  });
});

describe('a worker', () => {
  it('that is ready more than once is refused, and the third time expelled', async (t) => {
    const { stranger, name } = await newImpostor(t, siege.url, 'ready again');
    for (let time = 0; time < 4; time++) stranger.say(ready);
    const expected = ['joined', 'ready', ...thrice('unexpected'), 'expelled'];
    expect(await siege.fateOf(name)).toEqual(expected);
  });

  it('that leaves is gone, whatever else it says', async (t) => {
    const { stranger, name } = await newImpostor(t, siege.url, 'twice gone');
    for (const message of [ready, { type: 'leave', reason: 'bored' }, ready]) stranger.say(message);
    stranger.say({ type: 'leave', reason: 'bored' });
    await stranger.wire.closed;
    await siege.trainsOn();
    expect(siege.eventsOf(name)).toMatchObject([
      { action: 'joined' },
      { action: 'ready' },
      { action: 'left', reason: 'bored' },
    ]);
  });

  it('puts nothing on a screen but what can be read', async (t) => {
    const { stranger } = await newImpostor(t, siege.url, '\u001b[2J\u202eevil\u0007\u200b\n');
    stranger.say({ ...ready, engine: '\u001b]0;title\u0007fast\u2028' });
    stranger.say({ type: 'leave', reason: '\u009b31mred\u202e' });
    expect(await siege.fateOf('[2Jevil')).toEqual(['joined', 'ready', 'left']);
    const [, isReady, left] = siege.eventsOf('[2Jevil');
    expect(isReady.engine).toBe(']0;titlefast');
    expect(left.reason).toBe('31mred');
  });

  it('is believed to be slow within reason', async (t) => {
    const { stranger, name } = await newImpostor(t, siege.url, 'slow as a stone');
    stranger.say({ ...ready, samplesPerSecond: Number.MIN_VALUE });
    await siege.trainsOn();
    stranger.say({ type: 'leave', reason: 'bored' });
    expect(await siege.fateOf(name)).toEqual(['joined', 'ready', 'left']);
  });

  it.for<[string, object, string]>([
    ['an old version', { ...handshakeOf('old'), protocol: 0 }, 'protocol'],
    ['a version in words', { ...handshakeOf('old'), protocol: '1' }, 'handshake'],
    ['no name', { ...handshakeOf(''), name: undefined }, 'handshake'],
    ['a name that is an object', { ...handshakeOf(''), name: { toString: 'x' } }, 'handshake'],
    ['a name of a book', handshakeOf('x'.repeat(1000)), 'handshake'],
    ['a kind that is none', { ...handshakeOf('spoon'), kind: 'spoon' }, 'handshake'],
  ])('with %s is turned away', async ([, handshake, reason], t) => {
    const stranger = await newStranger(t, siege.url);
    const { data } = await stranger.enter(workNamespace, handshake);
    expect(data).toMatchObject({ data: { reason } });
  });
});

type Change = (answer: GradientMessage) => Partial<Record<keyof GradientMessage, unknown>>;

const withNumber =
  (value: number, at: number): Change =>
  ({ payload }) => {
    const gradient = new Float32Array(payload.length / 4);
    gradient.fill(value, at, at === 0 ? 1 : undefined);
    return { payload: new Uint8Array(gradient.buffer) };
  };

describe('a worker with a lease', () => {
  it.for<[string, string, Change]>([
    ['NaN', 'not-finite', withNumber(Number.NaN, 0)],
    ['NaN in the end', 'not-finite', withNumber(Number.NaN, -1)],
    ['an infinity', 'not-finite', withNumber(Number.NEGATIVE_INFINITY, 0)],
    ['1e30', 'too-large', withNumber(1e30, 0)],
    ['a loss that is no number', 'not-finite', () => ({ lossSum: Number.NaN })],
    ['a loss in words', 'malformed', () => ({ lossSum: '0' })],
    ['no values', 'wrong-length', () => ({ payload: new Uint8Array(0) })],
    ['a value too few', 'wrong-length', ({ payload }) => ({ payload: payload.subarray(4) })],
    ['a byte too few', 'wrong-length', ({ payload }) => ({ payload: payload.subarray(1) })],
    ['numbers for bytes', 'malformed', () => ({ payload: [1, 2, 3, 4] })],
    ['a sample too few', 'wrong-count', ({ samples }) => ({ samples: samples - 1 })],
    ['all samples of all time', 'wrong-count', () => ({ samples: Number.MAX_SAFE_INTEGER })],
    ['more hits than samples', 'wrong-count', ({ samples }) => ({ correct: samples + 1 })],
    ['half a shard', 'malformed', ({ start }) => ({ start: start + 0.5 })],
    ['a shard below the first', 'malformed', () => ({ start: -1 })],
    ['shards that are not its own', 'unknown', ({ start }) => ({ start: 1 - start })],
    ['shards without end', 'unknown', () => ({ start: 0, length: 2 ** 52 })],
    ['no shards', 'unknown', () => ({ length: 0 })],
    ['weights of the past', 'stale', () => ({ version: 0, epoch: 0, step: 0 })],
    ['weights of the future', 'stale', ({ version }) => ({ version: version + 1000 })],
    ['another step', 'stale', ({ step }) => ({ step: step + 1 })],
    ['another run', 'foreign', () => ({ run: 'yesterday' })],
  ])('that answers with %s is refused: %s', async ([what, reason, change], t) => {
    const { stranger, name, welcome } = await newImpostor(t, siege.url, what);
    stranger.say(ready);
    const answer = answerTo(welcome, await stranger.told('lease'));
    stranger.say({ ...answer, ...change(answer) });
    stranger.say({ type: 'leave', reason: 'bored' });
    expect(await siege.fateOf(name)).toEqual(['joined', 'ready', `rejected: ${reason}`, 'left']);
    // Two such answers to one step would be taken for the end of all training.
    await siege.trainsOn();
  });

  it('that goes on like this is expelled', async (t) => {
    const { stranger, name, welcome } = await newImpostor(t, siege.url, 'broken');
    stranger.say(ready);
    for (let time = 0; time < 3; time++) {
      const answer = answerTo(welcome, await stranger.told('lease'));
      stranger.say({ ...answer, ...withNumber(Number.NaN, 0)(answer) });
    }
    const expected = ['joined', 'ready', ...thrice('not-finite'), 'expelled'];
    expect(await siege.fateOf(name)).toEqual(expected);
  });
});

describe('the run', () => {
  it('ends as if none of them had come', () => siege.endsUnharmed());
});
