// npm run bench -- --engines | --speed | ...: what is measured, as a table. On a quiet machine, one at a time.
import { parseArgs } from 'node:util';
import { measureEngines } from './engines.ts';
import { printPlan } from './plan.ts';
import { parseDuration, parseRate } from './quantities.ts';
import { measureScale, networkNames } from './scale.ts';
import { measureSpeed } from './speed.ts';
import { measureStepCost } from './step-cost.ts';
import { measureThin } from './thin.ts';

const { values } = parseArgs({
  options: {
    engines: { type: 'boolean' },
    speed: { type: 'boolean' },
    batches: { type: 'string', default: '64,128,512' },
    rounds: { type: 'string', default: '3' },
    file: { type: 'string' },
    'step-cost': { type: 'boolean' },
    steps: { type: 'string', default: '600' },
    workers: { type: 'string' },
    'batch-size': { type: 'string', default: '64' },
    profile: { type: 'string' },
    scale: { type: 'boolean' },
    networks: { type: 'string', default: networkNames.join() },
    seconds: { type: 'string', default: '10' },
    thin: { type: 'boolean' },
    plan: { type: 'boolean' },
    uplink: { type: 'string', default: '20mbit' },
    downlink: { type: 'string' },
    latency: { type: 'string', default: '20ms' },
    parameters: { type: 'string', default: '415310' },
    'samples-per-second': { type: 'string', default: '2000' },
    rows: { type: 'string' },
    flags: { type: 'string', default: '' },
    rate: { type: 'string', default: '20mbit' },
    delay: { type: 'string', default: '10ms' },
    'shard-ms': { type: 'string', default: '20' },
  },
});

const numbers = (list: string): number[] => list.split(',').map(Number);

if (values.engines) await measureEngines();
if (values.speed) {
  const { batches, rounds, file } = values;
  await measureSpeed({ batchSizes: numbers(batches), rounds: Number(rounds), file });
}
if (values['step-cost']) {
  await measureStepCost({
    steps: Number(values.steps),
    workers: Number(values.workers ?? 2),
    batchSize: Number(values['batch-size']),
    profileDirectory: values.profile,
  });
}
if (values.scale) {
  const chosen = values.networks.split(',');
  await measureScale({
    workers: numbers(values.workers ?? '8,50,200,1000'),
    networks: networkNames.filter((name) => chosen.includes(name)),
    relays: [0],
    seconds: Number(values.seconds),
    shardMs: Number(values['shard-ms']),
    file: values.file,
    profileDirectory: values.profile,
  });
}
if (values.thin) {
  await measureThin({
    rows: values.rows?.split(','),
    flags: values.flags.split(' ').filter(Boolean),
    bytesPerSecond: parseRate(values.rate),
    delayMs: parseDuration(values.delay),
    seconds: Number(values.seconds),
    file: values.file,
  });
}
if (values.plan) {
  const { uplink, downlink = uplink } = values;
  const place = {
    parameters: Number(values.parameters),
    uplink: parseRate(uplink),
    downlink: parseRate(downlink),
    latencyMs: parseDuration(values.latency),
    samplesPerStep: Number(values['batch-size']),
    samplesPerSecond: Number(values['samples-per-second']),
  };
  for (const workers of numbers(values.workers ?? '10000')) {
    printPlan({ ...place, workers }, values.file);
  }
}
const benches = ['engines', 'speed', 'step-cost', 'scale', 'thin', 'plan'] as const;
if (!benches.some((bench) => values[bench])) {
  console.log(`Say what to measure: npm run bench -- --${benches.join(' or --')}`);
}
