// One event of every kind, with values that the terminal tests know.

import type { RunEvent, RunEventOf } from '../shared/events.ts';
import { emptyView, type RunView, reduceView } from '../shared/run-view.ts';

const hash = '0123456789abcdef'.repeat(4);
const stamp = { seq: 1, time: '2025-01-01T00:00:00.000Z' };
export const url = 'http://10.0.0.5:7070';

export const run: RunEventOf<'run'> = {
  type: 'run',
  ...stamp,
  apiVersion: 1,
  run: 'mnist-1',
  config: {
    dataset: 'mnist',
    dataHash: hash,
    shape: { trainSamples: 60_000, testSamples: 10_000, rows: 28, columns: 28, classes: 10 },
    model: { hidden: [400, 200, 100], activation: 'relu', batchNorm: false, dropout: 0 },
    loss: { labelSmoothing: 0 },
    codecs: { gradients: 'float32', weights: 'float32' },
    sync: { mode: 'step' },
    batchSize: 64,
    testBatchSize: 1000,
    shards: 2,
    epochs: 20,
    seed: 1,
    shuffle: true,
    sharding: 'shuffled',
    optimizer: { name: 'sgd', learningRate: 0.01, momentum: 0.9, nesterov: false, weightDecay: 0 },
    schedule: { name: 'constant', warmupSteps: 0, decay: 0.1, decayEpochs: 10 },
  },
  parameterCount: 415_310,
  stepsPerEpoch: 938,
  totalSteps: 18_760,
  url,
  runDirectory: 'runs/mnist-1',
  fromVersion: 0,
};

export const counters: RunEventOf<'end'>['counters'] = {
  samplesCommitted: 1_200_000,
  samplesWasted: 3200,
  gradientsAccepted: 37_520,
  gradientsDuplicate: 90,
  gradientsLate: 10,
  gradientsRejected: 0,
  bytesIn: 1_234_567_890,
  bytesOut: 999,
  dataBytesOut: 99,
};

export const step: RunEventOf<'step'> = {
  type: 'step',
  ...stamp,
  epoch: 3,
  step: 412,
  stepsPerEpoch: 938,
  version: 2288,
  loss: 0.31234,
  accuracy: 0.9125,
  learningRate: 0.01,
  samplesPerSecond: 41_234,
  etaSeconds: 34.2,
  workers: 2,
  ledger: { seen: 26_368, twice: 0 },
  counters,
};

export const epoch: RunEventOf<'epoch'> = {
  type: 'epoch',
  ...stamp,
  epoch: 1,
  epochs: 20,
  version: 938,
  trainLoss: 0.52551,
  trainAccuracy: 0.83123,
  testLoss: 0.21008,
  testAccuracy: 0.9355,
  seconds: 1.904,
  samples: 60_000,
  samplesPerSecond: 31_512,
  workers: 2,
  ledger: { seen: 60_000, lost: 0, twice: 0 },
  counters,
  weightsHash: hash,
  confusion: [[1]],
};

export const end: RunEventOf<'end'> = {
  type: 'end',
  ...stamp,
  reason: 'completed',
  epochs: 20,
  version: 18_760,
  testAccuracy: 0.982,
  weightsHash: hash,
  runDirectory: 'runs/mnist-1',
  counters,
};

export const workers: RunEventOf<'workers'> = {
  type: 'workers',
  ...stamp,
  rows: [
    {
      worker: 'w1',
      name: 'laptop',
      kind: 'node',
      engine: 'onnx:cpu',
      state: 'working',
      samplesPerSecond: 30_925,
      share: 0.75,
      computeMs: 12.5,
      networkMs: 3.25,
      lagMs: 0,
      samples: 900_000,
      accepted: 28_140,
      duplicate: 60,
      late: 4,
      rejected: 0,
      bytesIn: 1_000_000,
      bytesOut: 2_000_000,
    },
  ],
};

export const joined = worker('joined');
export const waiting: RunEventOf<'waiting'> = {
  type: 'waiting',
  ...stamp,
  cause: 'workers',
  text: 'waiting for workers: 0 of 2 expected',
};
export const warning: RunEventOf<'notice'> = {
  type: 'notice',
  ...stamp,
  level: 'warning',
  message: 'disk is full',
};
export const saved: RunEventOf<'checkpoint'> = {
  type: 'checkpoint',
  ...stamp,
  version: 938,
  path: 'runs/mnist-1/938',
  seconds: 0.1,
};
const control: RunEventOf<'control'> = {
  type: 'control',
  ...stamp,
  kind: 'rate',
  by: 'Ada',
  fromVersion: 2288,
  learningRate: 0.05,
};
const audits: RunEventOf<'audits'> = {
  type: 'audits',
  ...stamp,
  checked: 40,
  unclear: 1,
  wrong: 2,
  skipped: 3,
};
const info: RunEvent = { type: 'notice', ...stamp, level: 'info', message: 'saved' };
export const everyKind: RunEvent[] = [
  info,
  run,
  joined,
  worker('ready'),
  waiting,
  step,
  workers,
  warning,
  epoch,
  saved,
  control,
  audits,
  end,
];

export function worker(
  action: RunEventOf<'worker'>['action'],
  more: Partial<RunEventOf<'worker'>> = {},
): RunEventOf<'worker'> {
  return { type: 'worker', ...stamp, worker: 'w1', name: 'laptop', action, workers: 1, ...more };
}

export function viewOf(...events: RunEvent[]): RunView {
  return events.reduce(reduceView, emptyView);
}
