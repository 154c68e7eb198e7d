// npm run bench -- --engines | --speed | --step-cost | --liars: what is measured, as a table. On a quiet machine, one at a time.
import { parseArgs } from 'node:util';
import { measureEngines } from './engines.ts';
import { measureLiars } from './liars.ts';
import { measureSpeed } from './speed.ts';
import { measureStepCost } from './step-cost.ts';

const { values } = parseArgs({
  options: {
    engines: { type: 'boolean' },
    speed: { type: 'boolean' },
    batches: { type: 'string', default: '64,128,512' },
    rounds: { type: 'string', default: '3' },
    file: { type: 'string' },
    'step-cost': { type: 'boolean' },
    steps: { type: 'string', default: '600' },
    workers: { type: 'string', default: '2' },
    'batch-size': { type: 'string', default: '64' },
    profile: { type: 'string' },
    liars: { type: 'boolean' },
    epochs: { type: 'string', default: '3' },
    hidden: { type: 'string', default: '64' },
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
if (values.liars) {
  await measureLiars({ epochs: Number(values.epochs), hidden: values.hidden });
}
if (!values.engines && !values.speed && !values['step-cost'] && !values.liars) {
  console.log('Say what to measure: npm run bench -- --engines, --speed, --step-cost or --liars');
}
