// npm run bench -- --engines | --codecs | --speed | --step-cost: what is measured, as a table. On a quiet machine, one at a time.
import { parseArgs } from 'node:util';
import { measureCodecs } from './codecs.ts';
import { measureEngines } from './engines.ts';
import { measureSpeed } from './speed.ts';
import { measureStepCost } from './step-cost.ts';

const { values } = parseArgs({
  options: {
    engines: { type: 'boolean' },
    codecs: { type: 'boolean' },
    speed: { type: 'boolean' },
    batches: { type: 'string', default: '64,128,512' },
    rounds: { type: 'string', default: '3' },
    file: { type: 'string' },
    'step-cost': { type: 'boolean' },
    steps: { type: 'string', default: '600' },
    workers: { type: 'string', default: '2' },
    'batch-size': { type: 'string', default: '64' },
    flag: { type: 'string', multiple: true, default: [] },
    profile: { type: 'string' },
  },
});

if (values.engines) await measureEngines();
if (values.codecs) await measureCodecs();
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
    flags: values.flag,
    profileDirectory: values.profile,
  });
}
if (!values.engines && !values.codecs && !values.speed && !values['step-cost']) {
  console.log('Say what to measure: npm run bench -- --engines, --codecs, --speed or --step-cost');
}
