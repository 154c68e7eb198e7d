import { describe, expect, it } from 'vitest';
import {
  Audits,
  type AuditTask,
  type AuditVerdict,
  chanceOf,
  weightsAsSent,
} from '../coordinator/audits.ts';
import { auditAnswer, auditPlaceOf } from '../deploy/audit-answer.ts';
import { float32 } from '../shared/codecs/float32.ts';
import { modelOf, planOf, type RunConfig } from '../shared/config.ts';
import type { Engine } from '../shared/contracts.ts';
import { createRandom } from '../shared/random.ts';
import { engines } from '../worker/engines/index.ts';
import { randomSlice } from '../worker/engines/prove.ts';
import { fateIn, newInnerCoordinator, next } from './inner-coordinator.ts';
import { runWithLiars } from './lying-run.ts';
import { answerOf, initialOf } from './rounds.ts';
import { endlessRun, newCluster } from './support.ts';
import { run as usualRun } from './terminal-events.ts';

const config: RunConfig = {
  ...usualRun.config,
  shape: { trainSamples: 640, testSamples: 64, rows: 8, columns: 8, classes: 4 },
  model: { hidden: [24, 16], activation: 'relu', batchNorm: false, dropout: 0 },
  loss: { labelSmoothing: 0 },
  codecs: { gradients: 'float32', weights: 'float32' },
  sync: { mode: 'step' },
  batchSize: 64,
  shards: 16,
  epochs: 30,
};
const train = randomSlice(modelOf(config), config.shape.trainSamples, 1);
const test = randomSlice(modelOf(config), config.shape.testSamples, 2);
const dataset = { shape: config.shape, train, test };

function wasm(of: RunConfig = config): Promise<Engine> {
  return engines.wasm.create(modelOf(of), 'simd');
}

/** What is drawn is the same each time that the test runs. */
function seededDraw(seed: number): () => number {
  const random = createRandom(seed, 'audits');
  return () => random.uniform();
}

describe('an answer that is computed again', () => {
  /** The verdict on what the float64 reference says, changed, where the auditor has another engine. */
  async function verdictOn(
    change: (gradient: Float32Array) => void,
    changes: Partial<RunConfig> = {},
    more: Partial<AuditTask> = {},
  ): Promise<AuditVerdict> {
    const changed: RunConfig = { ...config, ...changes };
    const weights = more.weights ?? initialOf(changed);
    const answer = await answerOf({ config: changed, weights, data: train, shard: 5 });
    const gradient = answer.gradient.slice();
    change(gradient);
    const place = await auditPlaceOf(changed, train, await wasm(changed));
    const { lossSum, correct } = answer;
    const who = { name: 'somebody', engine: 'reference:float64' };
    const at = { epoch: 0, step: 0, version: 0, start: 5, length: 1 };
    return auditAnswer(place, { ...who, ...at, weights, gradient, lossSum, correct, ...more });
  }
  const honest = (): void => undefined;
  const times = (factor: number) => (gradient: Float32Array) => {
    for (const at of gradient.keys()) gradient[at] *= factor;
  };

  it.each<[string, Partial<RunConfig>]>([
    ['at every step', {}],
    ['with dropout', { model: { ...config.model, dropout: 0.2 } }],
    ['with batch norm', { model: { ...config.model, batchNorm: true } }],
    [
      'after local steps',
      {
        sync: { mode: 'local', localSteps: 2, outerLearningRate: 1, outerMomentum: 0 },
        batchSize: 8,
      },
    ],
  ])('is right where another engine rounded it, %s', async (_, changes) => {
    expect(await verdictOn(honest, changes)).toEqual({ kind: 'right' });
  });

  it('is not wrong where a codec rounded otherwise', async () => {
    const codecs = { gradients: 'int8', weights: 'float16' } as const;
    expect((await verdictOn(honest, { codecs })).kind).not.toBe('wrong');
  });

  it.each<[string, (gradient: Float32Array) => void]>([
    ['is turned around', times(-1)],
    ['is zero', times(0)],
    ['is twice as long', times(2)],
    ['is longer by a thousandth', times(1.001)],
    [
      'is right but for one value',
      (gradient) => {
        gradient[7] += 0.1;
      },
    ],
  ])('is wrong when it %s', async (_, change) => {
    expect(await verdictOn(change)).toMatchObject({
      kind: 'wrong',
      text: expect.stringMatching(
        /^its gradient for shard 5 of step 1 is off by .* computed again$/,
      ),
    });
  });

  it('is wrong when its figures are', async () => {
    const lied = [
      await verdictOn(honest, {}, { lossSum: 0 }),
      await verdictOn(honest, {}, { correct: 9 }),
    ];
    expect(lied).toMatchObject([{ kind: 'wrong' }, { kind: 'wrong' }]);
  });

  it('is unclear where a small difference may be that of a ReLU next to its kink', async () => {
    const { inputs, layers } = modelOf(config);
    const weights = initialOf(config);
    // The first unit of the first layer comes to 1e-7, whatever it sees.
    const [first] = layers;
    if (first.kind !== 'linear') throw new Error('the first layer is linear');
    weights.fill(0, first.weight.offset, first.weight.offset + inputs);
    weights[first.bias.offset] = 1e-7;
    expect(await verdictOn(times(1.2), {}, { weights })).toEqual({ kind: 'unclear' });
    expect(await verdictOn(times(-1), {}, { weights })).toMatchObject({ kind: 'wrong' });
  });

  it('is unclear where a small difference may be the rounding of a codec', async () => {
    const codecs = { gradients: 'int8', weights: 'float32' } as const;
    expect(await verdictOn(times(1.2), { codecs })).toEqual({ kind: 'unclear' });
  });
});

describe('audits', () => {
  const task = (): AuditTask => ({
    name: 'somebody',
    epoch: 0,
    step: 0,
    version: 0,
    start: 0,
    length: 1,
    engine: '',
    weights: new Float32Array(1),
    gradient: new Float32Array(1),
    lossSum: 0,
    correct: 0,
  });
  const silent = { onVerdict: () => undefined, onFailure: () => undefined };

  it('look at newcomers more often, and at who was right many times less', () => {
    expect([0, 1, 19, 1000].map((passed) => chanceOf(0.05, passed))).toEqual([1, 0.5, 0.05, 0.025]);
    expect(chanceOf(1, 1000)).toBe(0.5);
  });

  it('keep no more than a few answers, and one of each worker', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const audit = async (): Promise<AuditVerdict> => {
      await held;
      return { kind: 'right' };
    };
    const audits = new Audits({ rate: 1, draw: () => 0, audit, ...silent });
    let copies = 0;
    for (let number = 0; number < 100; number++) {
      audits.accepted(`w${number % 50}`, () => {
        copies++;
        return task();
      });
    }
    expect(copies).toBe(8);
    release();
    await audits.idle;
    expect(audits.counts).toEqual({ checked: 8, unclear: 0, wrong: 0, skipped: 84 });
  });

  it('have weights of their own, because what was sent is sent from the same place again', () => {
    const payload = new Uint8Array(new Float32Array([1, 2, 3]).buffer);
    const weights = weightsAsSent(float32, payload, 3);
    payload.fill(0);
    expect(weights).toEqual(new Float32Array([1, 2, 3]));
  });

  it('end with their first failure, which is told', async () => {
    const failures: string[] = [];
    const audit = (): Promise<AuditVerdict> => Promise.reject(new Error('the engine is gone'));
    const onFailure = ({ message }: Error) => void failures.push(message);
    const audits = new Audits({ rate: 1, draw: () => 0, audit, ...silent, onFailure });
    for (const worker of ['a', 'b']) audits.accepted(worker, task);
    await audits.idle;
    audits.accepted('c', task);
    await audits.idle;
    expect(failures).toEqual(['the engine is gone']);
  });
});

describe('of ten workers, two of which lie', () => {
  const quick = { config, dataset, workers: 10, liars: 2, force: 5 };

  it.each([0, 1, 2, 3, 4])(
    'both are found within 60 of their shards, and nobody else (seed %s)',
    async (seed) => {
      const audits = { rate: 0.05, draw: seededDraw(seed) };
      const end = await runWithLiars({ ...quick, engine: await wasm(), seed, audits });
      expect([...end.caught.keys()].sort()).toEqual(['liar-1', 'liar-2']);
      for (const shards of end.caught.values()) expect(shards).toBeLessThanOrEqual(60);
      expect(end.counts.wrong).toBe(2);
      expect(planOf(config).totalSteps).toBe(300);
    },
  );

  it('nobody is found where nobody lies and engines differ, however long they train', async () => {
    const [engine, auditor] = [await engines.reference.create(modelOf(config)), await wasm()];
    const audits = { rate: 1, draw: () => 0 };
    const end = await runWithLiars({ ...quick, liars: 0, engine, auditor, audits });
    expect(end.counts).toMatchObject({ wrong: 0, skipped: 0 });
    expect(end.counts.checked).toBeGreaterThanOrEqual(3000);
    expect(end.counts.unclear).toBeLessThan(0.1 * end.counts.checked);
  });

  it('the weights are those without audits, to the bit, where nobody lies', async () => {
    const honest = { ...quick, liars: 0, engine: await wasm() };
    const plain = await runWithLiars(honest);
    const audited = await runWithLiars({ ...honest, audits: { rate: 1, draw: seededDraw(0) } });
    expect(audited.weights).toEqual(plain.weights);
    expect(audited.counts.checked).toBeGreaterThan(100);
  });
});

describe('a coordinator', () => {
  it('audits with an engine of its own, beside training', async (t) => {
    const flags = [...endlessRun, '--audit=1'];
    const { coordinator, url } = await newCluster(t, { flags });
    await coordinator.waitForEvent('audits', ({ checked }) => checked >= 2);
    const { audits } = (await (await fetch(`${url}/api/v1/status`)).json()) as { audits: unknown };
    expect(audits).toMatchObject({ wrong: 0 });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^tutti_audits_total\{outcome="right"\} [1-9]/m);
  });

  it('expels whom the audit convicts, tells why and counts it', async (t) => {
    const audit = async (): Promise<AuditVerdict> => ({
      kind: 'wrong',
      text: 'its gradient is off',
    });
    const audits = { rate: 1, audit };
    const { log, addWorker } = await newInnerCoordinator(t, { audits });
    const told = next(log, 'audits', ({ wrong }) => wrong > 0);
    const worker = addWorker();
    expect(await worker.ending).toEqual({
      kind: 'refused',
      reason: 'audit',
      detail: 'its gradient is off',
    });
    expect(fateIn(log, 'honest')).toContain('expelled: its gradient is off');
    expect(await told).toMatchObject({ wrong: 1, unclear: 0 });
  });
});
