// The moving average of the weights: its arithmetic, its way through checkpoints, and who sees it.
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ownerOf } from '../coordinator/archive.ts';
import { decodeCheckpoint, encodeCheckpoint, type Snapshot } from '../coordinator/checkpoint.ts';
import { loadLatestCheckpoint } from '../coordinator/checkpoint-folder.ts';
import { openRunFolder } from '../coordinator/run-folder.ts';
import { weightsHash as hashOf } from '../coordinator/weights-hash.ts';
import { modelOf } from '../shared/config.ts';
import { tensorsToWeights } from '../shared/model/state-dict.ts';
import { evaluatedWeights, withAverage } from '../shared/optimizers/average.ts';
import { optimizerNames, optimizerOf, optimizers } from '../shared/optimizers/index.ts';
import { sgd } from '../shared/optimizers/sgd.ts';
import { decodeSafetensors } from '../shared/safetensors.ts';
import { evaluateNothing, newInnerCoordinator } from './inner-coordinator.ts';
import { largestDifference, meanGradients, startAt } from './optimizer-steps.ts';
import { model } from './simulator/arithmetic.ts';
import { only, VirtualRun, workToTheEnd } from './virtual-run.ts';

const plain = sgd.create(sgd.defaults);

describe('the average of the weights', () => {
  it('starts as the weights after the first step and follows them at the pace of its decay', () => {
    const run = startAt(withAverage(plain, 0.75), [0]);
    const steps = [-1, -1, 2].map((slope) => {
      run.step([slope], 1);
      return [run.weights[0], run.state.average[0]];
    });
    // 0.75 * 1 + 0.25 * 2, then 0.75 * 1.25 + 0.25 * 0.
    expect(steps).toEqual([
      [1, 1],
      [2, 1.25],
      [0, 0.9375],
    ]);
  });

  it('does not change what is trained', () => {
    const [averaged, alone] = [startAt(withAverage(plain, 0.9)), startAt(plain)];
    for (const gradient of meanGradients) for (const run of [averaged, alone]) run.step(gradient);
    expect(averaged.weights).toEqual(alone.weights);
  });

  it('is the weights themselves with a decay of 0', () => {
    const run = startAt(withAverage(plain, 0));
    for (const gradient of meanGradients) {
      run.step(gradient);
      expect(largestDifference(run.state.average, [...run.weights])).toBeLessThan(1e-6);
    }
  });
});

describe('what is evaluated', () => {
  const weights = Float32Array.of(1, 2, 3);

  it('is the weights where there is no average', () => {
    expect(evaluatedWeights({ version: 5, weights, optimizer: {} })).toBe(weights);
  });

  it('is the weights before the first step', () => {
    const optimizer = { average: new Float32Array(3) };
    expect(evaluatedWeights({ version: 0, weights, optimizer })).toBe(weights);
  });

  it('is the average as far as it reaches, and a copy of both', () => {
    const optimizer = { average: Float32Array.of(7, 8) };
    const evaluated = evaluatedWeights({ version: 5, weights, optimizer });
    expect(evaluated).toEqual(Float32Array.of(7, 8, 3));
    expect(weights).toEqual(Float32Array.of(1, 2, 3));
  });
});

describe.each(optimizerNames)('a run with %s, clipping and an average', (name) => {
  it('ends in the same bits when it goes on from a checkpoint', () => {
    const { defaults } = optimizers[name];
    const optimizer = optimizerOf({ name, ...defaults, clipNorm: 0.5, ema: 0.9 });
    const options = { optimizer, epochs: 3, workers: { a: 1 } };
    const whole = new VirtualRun(options);
    workToTheEnd(whole, { a: 1 });
    const [{ snapshot }] = only(whole.effects, 'epoch');
    const resumed = new VirtualRun({ ...options, start: throughFiles(snapshot) });
    workToTheEnd(resumed, { a: 1 });
    expect(trainedBy(resumed)).toEqual(trainedBy(whole));
  });
});

describe('a run with an average', () => {
  it('is evaluated and saved as the average, and known by the weights', async (t) => {
    const evaluated: Float32Array[] = [];
    const { coordinator, addWorker, config } = await newInnerCoordinator(t, {
      config: {
        epochs: 2,
        optimizer: { name: 'adamw', learningRate: 0.01, ...optimizers.adamw.defaults, ema: 0.9 },
      },
      evaluate: (weights) => {
        evaluated.push(weights.slice());
        return evaluateNothing();
      },
    });
    addWorker();
    const { weightsHash, runDirectory } = await coordinator.done;
    const folder = await openRunFolder(runDirectory);
    const { snapshot } = await loadLatestCheckpoint(folder.paths.checkpoints, ownerOf(folder));
    if (snapshot === undefined) throw new Error('no checkpoint');
    const { average } = snapshot.optimizer;
    expect(weightsHash).toBe(hashOf(snapshot.weights));
    expect(weightsHash).not.toBe(hashOf(average));
    expect(evaluated).toHaveLength(2);
    expect(evaluated[1]).toEqual(average);
    const { tensors } = decodeSafetensors(await readFile(folder.paths.model));
    expect(tensorsToWeights(modelOf(config), tensors)).toEqual(average);
  });
});

/** Written and read again. */
function throughFiles(snapshot: Snapshot): Snapshot {
  const owner = { model, run: 'a-run', configHash: 'c'.repeat(64) };
  const verdict = decodeCheckpoint(encodeCheckpoint(snapshot, owner), owner);
  if (!verdict.ok) throw new Error(verdict.reason);
  return verdict.snapshot;
}

function trainedBy(run: VirtualRun): Pick<Snapshot, 'version' | 'weights' | 'optimizer'> {
  const [{ snapshot }] = only(run.effects, 'end');
  const { version, weights, optimizer } = snapshot;
  return { version, weights, optimizer };
}
