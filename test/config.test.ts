import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  defaultReplicas,
  defaultShards,
  isPowerOfTwo,
  modelOf,
  planOf,
  runConfigSchema,
} from '../shared/config.ts';
import { optimizerNames, optimizers } from '../shared/optimizers/index.ts';
import { optimizerOptionNames } from '../shared/optimizers/schema.ts';
import { run } from './terminal-events.ts';

const { config } = run;

describe('the configuration of a run', () => {
  it('is taken as it is when it is right', () => {
    expect(v.parse(runConfigSchema, config)).toEqual(config);
    const extremes = {
      ...config,
      seed: -5,
      maxSteps: 1,
      shards: 2 ** 16,
      model: { hidden: [], activation: 'none', batchNorm: true, dropout: 0.99 },
      loss: { labelSmoothing: 0.99 },
    };
    expect(v.parse(runConfigSchema, extremes)).toEqual(extremes);
  });

  it.each<[string, unknown]>([
    ['dataset', 'imagenet'],
    ['dataset', 'toString'],
    ['dataHash', 'A'.repeat(64)],
    ['dataHash', 'a'.repeat(63)],
    ['shape.trainSamples', 0],
    ['shape.testSamples', 0],
    ['shape.rows', 0],
    ['shape.columns', 2.5],
    ['shape.classes', 129],
    ['shape.classes', 257],
    ['shape.classNames', 'zero'],
    ['model.hidden', '400,200'],
    ['model.hidden', new Array(65).fill(1)],
    ['model.activation', 'swish'],
    ['model.batchNorm', 1],
    ['model.dropout', 1],
    ['model.dropout', -0.1],
    ['loss.labelSmoothing', 1],
    ['loss.labelSmoothing', -0.1],
    ['codecs.gradients', 'zip'],
    ['codecs.weights', 'toString'],
    ['sync.mode', 'never'],
    ['batchSize', 0],
    ['batchSize', 1.5],
    ['batchSize', Number.NaN],
    ['batchSize', Number.POSITIVE_INFINITY],
    ['batchSize', '64'],
    ['testBatchSize', -1],
    ['shards', 0],
    ['shards', 3],
    ['shards', 2 ** 17],
    ['epochs', 0],
    ['maxSteps', 0],
    ['maxSteps', null],
    ['seed', 0.5],
    ['seed', 2 ** 53],
    ['shuffle', 1],
    ['sharding', 'random'],
    ['optimizer.name', 'adagrad'],
    ['optimizer.learningRate', -0.1],
    ['optimizer.learningRate', Number.POSITIVE_INFINITY],
    ['optimizer.momentum', 1],
    ['optimizer.momentum', -0.1],
    ['optimizer.nesterov', 'yes'],
    ['optimizer.weightDecay', -1],
    ['optimizer.weightDecay', undefined],
    ['optimizer.beta1', 0.9],
    ['optimizer.clipNorm', 0],
    ['optimizer.clipNorm', Number.POSITIVE_INFINITY],
    ['optimizer.ema', 1],
    ['optimizer.ema', -0.1],
    ['schedule.name', 'linear'],
    ['schedule.warmupSteps', -1],
    ['schedule.decay', 0],
    ['schedule.decay', 1.5],
    ['schedule.decayEpochs', 0],
    ['momentum', 0.9],
    ['optimizer.dampening', 0],
  ])('is refused for %s: %j, by that name', (path, value) => {
    expect(namesOfIssues(changed(path, value))).toEqual([path]);
  });

  it('names the part of topk with topk alone, which has no batch norm and carries no weights', () => {
    const withCodecs = (codecs: object) =>
      namesOfIssues(changed('codecs', { gradients: 'float32', weights: 'int8', ...codecs }));
    expect(withCodecs({ gradients: 'topk', topK: 0.01 })).toEqual([]);
    expect(withCodecs({ gradients: 'topk' })).toEqual(['codecs.topK']);
    expect(withCodecs({ topK: 0.01 })).toEqual(['codecs.topK']);
    expect(withCodecs({ gradients: 'topk', topK: 0 })).toEqual(['codecs.topK']);
    expect(withCodecs({ gradients: 'topk', topK: 1.1 })).toEqual(['codecs.topK']);
    expect(withCodecs({ weights: 'topk', topK: 0.01 })).toEqual(['codecs.weights']);
    const normalized = { ...config.model, batchNorm: true };
    const codecs = { gradients: 'topk', weights: 'float32', topK: 0.01 };
    expect(namesOfIssues({ ...config, codecs, model: normalized })).toEqual(['codecs.gradients']);
  });

  it('has one name for every class, or none at all', () => {
    const names = (length: number) => new Array(length).fill('name');
    expect(namesOfIssues(changed('shape.classNames', names(10)))).toEqual([]);
    expect(namesOfIssues(changed('shape.classNames', names(9)))).toEqual(['shape']);
    expect(namesOfIssues(changed('shape.classNames', [...names(9), '']))).toEqual([
      'shape.classNames.9',
    ]);
  });

  it.each(['batchSize', 'sync', 'shards', 'seed', 'optimizer', 'schedule.name', 'shape.classes'])(
    'is refused without a value for %s',
    (path) => {
      expect(namesOfIssues(changed(path, undefined))).toEqual([path]);
    },
  );

  describe.each(optimizerNames)('with the optimizer %s', (name) => {
    const own = Object.keys(optimizers[name].defaults);
    const learningRate = 0.1;
    const optimizer = { name, learningRate, ...optimizers[name].defaults, clipNorm: 1, ema: 0.9 };

    it('is taken with all options of this optimizer', () => {
      const whole = { ...config, optimizer };
      expect(v.parse(runConfigSchema, whole)).toEqual(whole);
    });

    it.each(own)('is refused without a value for %s', (option) => {
      const { [option]: _, ...rest } = optimizer as Record<string, unknown>;
      expect(namesOfIssues({ ...config, optimizer: rest })).toEqual([`optimizer.${option}`]);
    });

    it.each(optimizerOptionNames.filter((option) => !own.includes(option)))(
      'is refused for %s, which it does not have',
      (option) => {
        const value = option === 'nesterov' ? false : 0.5;
        const wrong = { ...config, optimizer: { ...optimizer, [option]: value } };
        expect(namesOfIssues(wrong)).toEqual([`optimizer.${option}`]);
      },
    );
  });

  it('describes a network of the size of its images and classes', () => {
    const { inputs, classes, parameterCount } = modelOf(config);
    expect({ inputs, classes, parameterCount }).toEqual({
      inputs: 28 * 28,
      classes: 10,
      parameterCount: run.parameterCount,
    });
  });
});

describe('the configuration of local steps', () => {
  const sync = { mode: 'local', localSteps: 16, outerLearningRate: 0.7, outerMomentum: 0.9 };
  const local = { ...config, sync };

  it('is taken as it is when it is right', () => {
    expect(v.parse(runConfigSchema, local)).toEqual(local);
  });

  it.each<[string, unknown]>([
    ['localSteps', 0],
    ['localSteps', 1.5],
    ['localSteps', undefined],
    ['outerLearningRate', 0],
    ['outerLearningRate', Number.POSITIVE_INFINITY],
    ['outerMomentum', 1],
    ['outerMomentum', -0.1],
    ['innerMomentum', 0.9],
  ])('is refused for %s: %j, by that name', (option, value) => {
    const wrong = { ...local, sync: { ...sync, [option]: value } };
    expect(namesOfIssues(wrong)).toEqual([`sync.${option}`]);
  });

  it.each(['adam', 'adamw'] as const)('is refused with %s, by its name', (name) => {
    const optimizer = { name, learningRate: 0.1, ...optimizers[name].defaults };
    expect(namesOfIssues({ ...config, optimizer })).toEqual([]);
    expect(namesOfIssues({ ...local, optimizer })).toEqual(['optimizer.name']);
  });

  it('makes a step a round: so many batches for each replica', () => {
    const { stepsPerEpoch, stepSize, runSize } = planOf(v.parse(runConfigSchema, local));
    expect({ stepsPerEpoch, first: stepSize(0), last: stepSize(29) }).toEqual({
      stepsPerEpoch: 30,
      first: 2 * 16 * 64,
      last: 60_000 - 29 * 2048,
    });
    expect(runSize(0, 1, 1)).toBe(16 * 64);
  });
});

describe('the number of replicas, when nobody says it', () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 4],
    [30, 32],
  ])('for %i workers is %i', (expectWorkers, replicas) => {
    expect(defaultReplicas(expectWorkers)).toBe(replicas);
  });
});

describe('the number of shards, when nobody says it', () => {
  it.each([
    // batch size, expected workers, shards
    [64, 1, 1],
    [64, 2, 2],
    [64, 3, 4],
    [64, 50, 64],
    [256, 1, 1],
    [257, 1, 2],
    [512, 2, 2],
    [512, 4, 4],
    [512, 5, 8],
    [512, 16, 16],
    [60_000, 1, 256],
    [1, 8, 1],
    [100, 200, 64],
  ])('for %i samples and %i workers is %i', (batchSize, expectWorkers, shards) => {
    expect(defaultShards(batchSize, expectWorkers)).toBe(shards);
  });

  it('is a power of two, and never more than there are samples', () => {
    for (let batchSize = 1; batchSize < 700; batchSize += 3) {
      for (let workers = 1; workers < 70; workers++) {
        const shards = defaultShards(batchSize, workers);
        expect(isPowerOfTwo(shards) && shards <= batchSize).toBe(true);
      }
    }
  });
});

describe('isPowerOfTwo', () => {
  it('knows them from their neighbours', () => {
    const found = [-2, -1, 0, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 65_535, 65_536, 65_537, Number.NaN];
    expect(found.filter(isPowerOfTwo)).toEqual([1, 2, 4, 8, 65_536]);
  });
});

/** The configuration with one field set to another value. */
function changed(path: string, value: unknown): unknown {
  const [first, second] = path.split('.');
  const part = second === undefined ? value : { ...config[first as 'optimizer'], [second]: value };
  return { ...config, [first]: part };
}

function namesOfIssues(wrong: unknown): (string | null)[] {
  const { issues = [] } = v.safeParse(runConfigSchema, wrong);
  return [...new Set(issues.map((issue) => v.getDotPath(issue)))];
}
