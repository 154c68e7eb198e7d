// npm run bench -- --engines | --speed | --step-cost | --watchers: what is measured, as a table. On a quiet machine, one at a time.
import { parseArgs } from 'node:util';
import { measureEngines } from './engines.ts';
import { measureSpeed } from './speed.ts';
import { measureStepCost } from './step-cost.ts';
import { measureWatchers } from './watchers.ts';

const { values } = parseArgs({
  options: {
    engines: { type: 'boolean' },
    speed: { type: 'boolean' },
    batches: { type: 'string', default: '64,128,512' },
    rounds: { type: 'string', default: '3' },
    file: { type: 'string' },
    'step-cost': { type: 'boolean' },
    watchers: { type: 'boolean' },
    steps: { type: 'string', default: '600' },
    workers: { type: 'string', default: '2' },
    'batch-size': { type: 'string', default: '64' },
    profile: { type: 'string' },
  },
});

if (values.engines) await measureEngines();
if (values.speed) {
  const { batches, rounds, file } = values;
  const batchSizes = batches.split(',').map(Number);
  await measureSpeed({ batchSizes, rounds: Number(rounds), file });
}
if (values['step-cost']) {
  await measureStepCost({
    steps: Number(values.steps),
    workers: Number(values.workers),
    batchSize: Number(values['batch-size']),
    profileDirectory: values.profile,
  });
}
if (values.watchers) {
  await measureWatchers({
    steps: Number(values.steps),
    rounds: Number(values.rounds),
    workers: Number(values.workers),
    batchSize: Number(values['batch-size']),
  });
}
if (!values.engines && !values.speed && !values['step-cost'] && !values.watchers) {
  console.log(
    'Say what to measure: npm run bench -- --engines, --speed, --step-cost or --watchers',
  );
}
