// npm run bench -- --engines | --speed: what is measured, as a table. On a quiet machine, one at a time.
import { parseArgs } from 'node:util';
import { measureEngines } from './engines.ts';
import { measureSpeed } from './speed.ts';

const { values } = parseArgs({
  options: {
    engines: { type: 'boolean' },
    speed: { type: 'boolean' },
    batches: { type: 'string', default: '64,128,512' },
    rounds: { type: 'string', default: '3' },
    file: { type: 'string' },
  },
});

if (values.engines) await measureEngines();
if (values.speed) {
  const { batches, rounds, file } = values;
  const batchSizes = batches.split(',').map(Number);
  await measureSpeed({ batchSizes, rounds: Number(rounds), file });
}
if (!values.engines && !values.speed) {
  console.log('Say what to measure: npm run bench -- --engines, or --speed');
}
