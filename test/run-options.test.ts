// From the flags of a run to its configuration.
import { describe, expect, it } from 'vitest';
import { type ConfigFlags, configOf } from '../deploy/run-options.ts';
import { run } from './terminal-events.ts';

const { shape, dataHash } = run.config;
const nothing = new Uint8Array();
const slice = { images: nothing, labels: nothing };

describe('the optimizer of a run', () => {
  it('is plain gradient descent when nobody says anything', () => {
    expect(optimizerOf({})).toEqual({
      name: 'sgd',
      learningRate: 0.1,
      momentum: 0,
      nesterov: false,
      weightDecay: 0,
    });
  });

  it('has the learning rate and the options that are usual for it', () => {
    const adam = { name: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    expect(optimizerOf({ optimizer: 'adam' })).toEqual({ ...adam, weightDecay: 0 });
    expect(optimizerOf({ optimizer: 'adamw' })).toEqual({
      ...adam,
      name: 'adamw',
      weightDecay: 0.01,
    });
  });

  it('has what the flags say instead, and clipping and averaging only with theirs', () => {
    const said = { learningRate: 0.5, beta1: 0.8, beta2: 0.9, epsilon: 0.1, weightDecay: 0 };
    const extras = { clipNorm: 2, ema: 0.99 };
    const flags: ConfigFlags = { optimizer: 'adamw', ...said, ...extras };
    expect(optimizerOf(flags)).toEqual({ name: 'adamw', ...said, ...extras });
  });

  it.each<[ConfigFlags, string]>([
    [{ optimizer: 'adam', nesterov: false }, '--nesterov: it means nothing to adam, only to sgd.'],
    [{ optimizer: 'adamw', momentum: 0 }, '--momentum: it means nothing to adamw, only to sgd.'],
    [{ epsilon: 1e-8 }, '--epsilon: it means nothing to sgd, only to adam and adamw.'],
    [{ optimizer: 'adam', beta1: 1 }, '--beta1: Invalid value: Expected <1 but received 1.'],
    [{ clipNorm: -1 }, '--clip-norm: Invalid value: Expected >0 but received -1.'],
  ])('is refused for %j', (flags, message) => {
    expect(() => optimizerOf(flags)).toThrow(message);
  });
});

describe('what shards become one by', () => {
  it('is their mean unless told, and has no name in the configuration then', () => {
    expect(runConfigOf({})).not.toHaveProperty('aggregation');
    expect(runConfigOf({ aggregation: 'mean' })).not.toHaveProperty('aggregation');
  });

  it('is recorded where it is something else, with local steps, too', () => {
    expect(runConfigOf({ aggregation: 'median', shards: 4 }).aggregation).toBe('median');
    const local = { sync: 'local', aggregation: 'clipped', expectWorkers: 4 } as const;
    expect(runConfigOf(local).aggregation).toBe('clipped');
  });
});

describe('when a run syncs', () => {
  it('is at every step unless told', () => {
    expect(runConfigOf({})).toMatchObject({ sync: { mode: 'step' }, shards: 2 });
  });

  it('is after rounds when told so, with a replica for every expected worker', () => {
    expect(runConfigOf({ sync: 'local', batchSize: 512, expectWorkers: 3 })).toMatchObject({
      sync: { mode: 'local', localSteps: 16, outerLearningRate: 1, outerMomentum: 0 },
      batchSize: 512,
      shards: 4,
    });
  });

  it('is as the flags say instead', () => {
    const said = { localSteps: 32, outerLearningRate: 0.7, outerMomentum: 0.9 };
    expect(runConfigOf({ sync: 'local', ...said }).sync).toEqual({ mode: 'local', ...said });
  });

  it.each<[ConfigFlags, string]>([
    [{ localSteps: 8 }, '--local-steps means nothing without --sync local.'],
    [{ sync: 'step', outerMomentum: 0 }, '--outer-momentum means nothing without --sync local.'],
    [{ sync: 'local', localSteps: 0 }, '--local-steps: Invalid value: Expected >=1'],
    [{ sync: 'local', optimizer: 'adam' }, '--optimizer: local steps are those of sgd: the'],
  ])('is refused for %j', (flags, message) => {
    expect(() => runConfigOf(flags)).toThrow(message);
  });
});

describe('how numbers travel', () => {
  it('is as they are unless told, and with topk the largest hundredth', () => {
    expect(runConfigOf({}).codecs).toEqual({ gradients: 'float32', weights: 'float32' });
    const flags: ConfigFlags = { codec: 'topk', weightsCodec: 'bfloat16' };
    expect(runConfigOf(flags).codecs).toEqual({
      gradients: 'topk',
      weights: 'bfloat16',
      topK: 0.01,
    });
    expect(runConfigOf({ ...flags, topK: 0.2 }).codecs.topK).toBe(0.2);
  });

  it.each<[ConfigFlags, string]>([
    [{ topK: 0.1 }, '--top-k: topk needs it, and nothing else has it.'],
    [{ codec: 'topk', topK: 2 }, '--top-k: Invalid value: Expected <=1'],
    [{ codec: 'topk', batchNorm: true }, '--codec: topk would leave out most of what batch norm'],
  ])('is refused for %j', (flags, message) => {
    expect(() => runConfigOf(flags)).toThrow(message);
  });
});

function optimizerOf(flags: ConfigFlags) {
  return runConfigOf(flags).optimizer;
}

function runConfigOf(flags: ConfigFlags) {
  const dataset = { shape, train: slice, test: slice };
  return configOf(flags, { dataset, dataHash });
}
