// Relays over real sockets: nobody can tell from a run's result whether there were any.
import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { carryOut } from '../coordinator/controls.ts';
import { createGate } from '../coordinator/gate.ts';
import { drawToken } from '../coordinator/tokens.ts';
import type { RunConfig } from '../shared/config.ts';
import type { RunEventOf } from '../shared/events.ts';
import {
  type FromWorker,
  protocolVersion,
  rejectReasons,
  type ToWorker,
  type WorkerKind,
} from '../shared/protocol.ts';
import { socketTransport } from '../worker/transport.ts';
import { fateIn, type InnerCoordinator, newInnerCoordinator, next } from './inner-coordinator.ts';
import { type InnerRelay, startInnerRelay } from './inner-relay.ts';
import { inScope, type TestScope } from './support.ts';

const short = { shards: 8, epochs: 2 };
const batchNorm: RunConfig['model'] = {
  hidden: [16],
  activation: 'relu',
  batchNorm: true,
  dropout: 0.2,
};
const local = {
  mode: 'local',
  localSteps: 2,
  outerLearningRate: 0.7,
  outerMomentum: 0.9,
} as const;

describe('the weights that a run ends with', () => {
  const runs: readonly (readonly [name: string, config: Partial<RunConfig>, rate?: number])[] = [
    ['in float32', {}],
    ['with batch norm', { model: batchNorm }],
    ['as bfloat16', { codecs: { gradients: 'bfloat16', weights: 'bfloat16' } }],
    ['as int8, which rounds at random', { codecs: { gradients: 'int8', weights: 'float16' } }],
    ['with rounds of local steps', { sync: local, codecs: { gradients: 'int8', weights: 'int8' } }],
    ['with rounds at a rate that was set on the way', { sync: local }, 0.05],
    ['with a part of the data for each shard', { sharding: 'sticky' }],
  ];

  it.for(runs)('are the same through no relay, one and two %s', async ([, changes, rate], t) => {
    const config = { ...short, ...changes };
    const alone = await inScope((scope) => outcomeOf(scope, { config, rate }, () => []));
    const one = await inScope((scope) =>
      outcomeOf(scope, { config, rate }, async ({ url }) => [await startInnerRelay(scope, url)]),
    );
    const two = await outcomeOf(t, { config, rate }, async ({ url }) => {
      const upper = await startInnerRelay(t, url, { name: 'upper' });
      return [upper, await startInnerRelay(t, upper.url, { name: 'lower' })];
    });
    expect(one).toEqual(alone);
    expect(two).toEqual(alone);
  });
});

describe('a relay', () => {
  it('is one worker of the run, and says how many compute behind it', async (t) => {
    const inner = await newInnerCoordinator(t, { config: { shards: 8 } });
    const relay = await startInnerRelay(t, inner.url);
    await relay.told('connected');
    relay.addWorker('one');
    relay.addWorker('two');
    const row = await rowOf(inner, ({ behind }) => behind === 2);
    expect(row).toMatchObject({ name: 'relay', kind: 'relay', engine: 'reference:float64' });
    expect(fateIn(inner.log, 'relay')).toEqual([
      'joined',
      'standby: nobody computes for it',
      'ready',
    ]);
    const { contributions, workers } = await next(inner.log, 'step');
    expect(workers).toBe(1);
    expect(Object.keys(contributions!)).toEqual([row.worker]);
  });

  it('has no part in the run while nobody computes behind it', async (t) => {
    const inner = await newInnerCoordinator(t, { config: { shards: 8 } });
    const relay = await startInnerRelay(t, inner.url);
    const only = relay.addWorker('only');
    await rowOf(inner, ({ behind, samples }) => behind === 1 && samples > 0);
    only.leave('it has to go');
    await relay.told('only left');
    inner.addWorker();
    const { version } = await next(inner.log, 'step');
    const { samples } = await rowOf(inner, ({ behind }) => behind === 0);
    // Nothing waits for it: the other one goes on alone.
    expect((await next(inner.log, 'step')).version).toBeGreaterThan(version);
    expect(await rowOf(inner, ({ behind }) => behind === 0)).toMatchObject({
      samples,
      state: 'preparing',
    });
    relay.addWorker('another');
    expect(await rowOf(inner, ({ behind }) => behind === 1)).toMatchObject({ state: 'working' });
  });

  it('brings each block of the data once, whoever asks for it', async (t) => {
    const inner = await newInnerCoordinator(t);
    const upper = await startInnerRelay(t, inner.url, { name: 'upper' });
    const lower = await startInnerRelay(t, upper.url, { name: 'lower' });
    await upper.told('lower joined');
    const { images, labels } = (await welcomeAt(t, lower.url)).data;
    const names = [...images, ...labels].map(({ sha256 }) => sha256);
    const found = await Promise.all(
      [lower, upper, lower, upper].flatMap(({ url }) =>
        names.map(async (sha256) => {
          const response = await fetch(`${url}/api/v1/data/${sha256}`);
          return hash('sha256', new Uint8Array(await response.arrayBuffer()));
        }),
      ),
    );
    expect(found).toEqual([...names, ...names, ...names, ...names]);
    for (const { blocks } of [lower, upper]) expect(blocks.toSorted()).toEqual(names.toSorted());
    const { status } = await fetch(`${lower.url}/api/v1/data/${'0'.repeat(64)}`);
    expect(status).toBe(404);
  });

  it('passes weights on as the bytes that came', async (t) => {
    // As int8 they would not be the same if they were encoded once more.
    const codecs = { gradients: 'int8', weights: 'int8' } as const;
    const inner = await newInnerCoordinator(t, { config: { shards: 2, codecs } });
    const relay = await startInnerRelay(t, inner.url);
    await relay.told('connected');
    const ways = [inner.url, relay.url, relay.url];
    const [direct, ...relayed] = await Promise.all(ways.map((url) => firstWeightsAt(t, url)));
    expect(relayed).toEqual([direct, direct]);
  });

  it('lets in who has its token, and nobody else', async (t) => {
    const token = drawToken();
    const gate = () => createGate([{ token, scope: 'work' }]);
    const inner = await newInnerCoordinator(t, { gate: gate(), config: { shards: 2 } });
    const relay = await startInnerRelay(t, inner.url, { token, gate: gate() });
    const guest = relay.addWorker('guest');
    await relay.told('guest ready');
    await next(inner.log, 'step');
    const stranger = await startInnerRelay(t, relay.url, { token: drawToken() });
    const detail = rejectReasons['token-wrong'];
    expect(await stranger.relay.ending).toMatchObject({ kind: 'refused', detail });
    guest.leave('it has seen enough');
  });
});

describe('whoever speaks as a relay', () => {
  const crew = { type: 'crew', workers: 3, engine: 'onnx:cpu', samplesPerSecond: 1000 } as const;
  const retract = { type: 'retract', since: 0, reason: 'somebody lied' } as const;

  it.for([
    ['is no relay', crew, 'node', undefined, 'rejected', rejectReasons.unexpected],
    ['has nobody behind it', retract, 'node', undefined, 'rejected', rejectReasons.unexpected],
    [
      'has another engine than that of the run',
      crew,
      'relay',
      'wasm:simd',
      'expelled',
      rejectReasons.engine,
    ],
  ] as const)('and %s is refused', async ([, message, kind, engine, action, why], t) => {
    const { url, log } = await newInnerCoordinator(t, { config: { engine } });
    const fate = next(log, 'worker', (event) => event.action === action);
    const send = callAt(t, url, ({ type }) => type === 'welcome' && send(message), kind);
    expect(await fate).toMatchObject({ name: 'silent', kind, reason: why });
  });
});

/** Two workers take part from the first step on, behind the last of the relays that are started. */
async function outcomeOf(
  t: TestScope,
  { config, rate }: { readonly config: Partial<RunConfig>; readonly rate?: number },
  startRelays: (inner: InnerCoordinator) => InnerRelay[] | Promise<InnerRelay[]>,
) {
  const inner = await newInnerCoordinator(t, { config });
  if (rate !== undefined) carryOut({ kind: 'rate', rate }, inner.coordinator.steered);
  const epochs: RunEventOf<'epoch'>['ledger'][] = [];
  inner.log.subscribe((event) => {
    if (event.type === 'epoch') epochs.push(event.ledger);
  });
  const last = (await startRelays(inner)).at(-1);
  for (const name of ['one', 'two']) last ? last.addWorker(name) : inner.addWorker();
  const { weightsHash, version, counters } = await inner.coordinator.done;
  return { weightsHash, version, samples: counters.samplesCommitted, epochs };
}

type Row = RunEventOf<'workers'>['rows'][number];

/** Of the relay, as soon as it is like that. */
async function rowOf({ log }: InnerCoordinator, isMeant: (row: Row) => boolean): Promise<Row> {
  for (;;) {
    const { rows } = await next(log, 'workers');
    const row = rows.find((each) => each.kind === 'relay');
    if (row !== undefined && isMeant(row)) return row;
  }
}

type ToWorkerOf<Type extends ToWorker['type']> = Extract<ToWorker, { type: Type }>;

function welcomeAt(t: TestScope, url: string): Promise<ToWorkerOf<'welcome'>> {
  return new Promise((resolve) => {
    callAt(t, url, (message) => message.type === 'welcome' && resolve(message));
  });
}

/** The hash of what a worker is sent that never answers. */
function firstWeightsAt(t: TestScope, url: string): Promise<string> {
  return new Promise((resolve) => {
    const send = callAt(t, url, (message) => {
      const claim = { engine: 'reference:float64', samplesPerSecond: 1000 };
      if (message.type === 'welcome') send({ type: 'ready', ...claim });
      if (message.type === 'weights') resolve(hash('sha256', message.payload));
    });
  });
}

function callAt(
  t: TestScope,
  url: string,
  onMessage: (message: ToWorker) => unknown,
  kind: WorkerKind = 'node',
) {
  const handshake = { protocol: protocolVersion, name: 'silent', kind };
  const transport = socketTransport({ url, handshake })({
    onOpen: () => undefined,
    onClose: () => undefined,
    onMessage,
  });
  t.onTestFinished(async () => transport.close());
  return (message: FromWorker): void => transport.send(message);
}
