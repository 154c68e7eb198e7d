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

function optimizerOf(flags: ConfigFlags) {
  const dataset = { shape, train: slice, test: slice };
  return configOf(flags, { dataset, dataHash }).optimizer;
}
