// npm run bench -- --engines: what is measured, as a table. On a quiet machine, one at a time.
import { parseArgs } from 'node:util';
import { measureEngines } from './engines.ts';

const { values } = parseArgs({ options: { engines: { type: 'boolean' } } });

if (values.engines) await measureEngines();
else console.log('Say what to measure: npm run bench -- --engines');
