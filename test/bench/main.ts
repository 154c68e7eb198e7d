// npm run bench -- --engines | --step-cost: what is measured, as a table. On a quiet machine, one at a time.
import { parseArgs } from 'node:util';
import { measureEngines } from './engines.ts';
import { measureStepCost } from './step-cost.ts';

const { values } = parseArgs({
  options: {
    engines: { type: 'boolean' },
    'step-cost': { type: 'boolean' },
    steps: { type: 'string', default: '600' },
    workers: { type: 'string', default: '2' },
    'batch-size': { type: 'string', default: '64' },
    profile: { type: 'string' },
  },
});

if (values.engines) await measureEngines();
else if (values['step-cost']) {
  await measureStepCost({
    steps: Number(values.steps),
    workers: Number(values.workers),
    batchSize: Number(values['batch-size']),
    profileDirectory: values.profile,
  });
} else console.log('Say what to measure: npm run bench -- --engines or --step-cost');
