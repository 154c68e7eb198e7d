// npm run bench -- WHAT: what is measured, as a table. On a quiet machine, one at a time.
import { parseArgs } from 'node:util';
import { measureAccuracy } from './accuracy.ts';
import { measureCodecs } from './codecs.ts';
import { measureEngines } from './engines.ts';
import { measureSpeed } from './speed.ts';
import { measureStepCost } from './step-cost.ts';
import { measureWatchers } from './watchers.ts';

const { values } = parseArgs({
  options: {
    engines: { type: 'boolean' },
    codecs: { type: 'boolean' },
    accuracy: { type: 'boolean' },
    wires: { type: 'string', default: 'float32,bfloat16,float16,int8/float16,topk/bfloat16' },
    seeds: { type: 'string', default: '0,1,2' },
    epochs: { type: 'string', default: '20' },
    speed: { type: 'boolean' },
    batches: { type: 'string', default: '64,128,512' },
    rounds: { type: 'string', default: '3' },
    file: { type: 'string' },
    baseline: { type: 'string' },
    'step-cost': { type: 'boolean' },
    watchers: { type: 'boolean' },
    steps: { type: 'string', default: '600' },
    workers: { type: 'string' },
    'batch-size': { type: 'string', default: '64' },
    flag: { type: 'string', multiple: true, default: [] },
    profile: { type: 'string' },
  },
});

if (values.engines) await measureEngines();
if (values.codecs) await measureCodecs();
if (values.accuracy) {
  const { wires, seeds, epochs, workers = 1, flag, file } = values;
  await measureAccuracy({
    wires: wires.split(','),
    seeds: seeds.split(',').map(Number),
    epochs: Number(epochs),
    workers: Number(workers),
    flags: flag,
    file,
  });
}
if (values.speed) {
  const { batches, rounds, file, baseline } = values;
  const batchSizes = batches.split(',').map(Number);
  await measureSpeed({ batchSizes, rounds: Number(rounds), file, baseline });
}
if (values['step-cost']) {
  await measureStepCost({
    steps: Number(values.steps),
    workers: Number(values.workers ?? 2),
    batchSize: Number(values['batch-size']),
    flags: values.flag,
    profileDirectory: values.profile,
  });
}
if (values.watchers) {
  await measureWatchers({
    steps: Number(values.steps),
    rounds: Number(values.rounds),
    workers: Number(values.workers ?? 2),
    batchSize: Number(values['batch-size']),
  });
}
const { engines, codecs, accuracy, speed, 'step-cost': stepCost, watchers } = values;
if (![engines, codecs, accuracy, speed, stepCost, watchers].some(Boolean)) {
  const choices = '--engines, --codecs, --accuracy, --speed, --step-cost or --watchers';
  console.log(`Say what to measure: npm run bench -- ${choices}`);
}
