// npm run bench -- WHAT: what is measured, as a table. On a quiet machine, one at a time.
import { parseArgs } from 'node:util';
import { parseRate } from '../../deploy/line-choice.ts';
import { measureAccuracy } from './accuracy.ts';
import { measureCodecs } from './codecs.ts';
import { measureEngines } from './engines.ts';
import { measureLiars } from './liars.ts';
import { measurePage } from './page.ts';
import { printPlan } from './plan.ts';
import { parseDuration } from './quantities.ts';
import { measureReach } from './reach.ts';
import { measureScale, networkNames } from './scale.ts';
import { measureSpeed } from './speed.ts';
import { measureStepCost } from './step-cost.ts';
import { measureThin } from './thin.ts';
import { measureWatchers } from './watchers.ts';

const { values } = parseArgs({
  options: {
    engines: { type: 'boolean' },
    codecs: { type: 'boolean' },
    accuracy: { type: 'boolean' },
    wires: { type: 'string', default: 'float32,bfloat16,float16,int8/float16,topk/bfloat16' },
    seeds: { type: 'string', default: '0,1,2' },
    epochs: { type: 'string' },
    reach: { type: 'string' },
    speed: { type: 'boolean' },
    batches: { type: 'string', default: '64,128,512' },
    rounds: { type: 'string', default: '3' },
    file: { type: 'string' },
    baseline: { type: 'string' },
    'step-cost': { type: 'boolean' },
    watchers: { type: 'boolean' },
    page: { type: 'boolean' },
    only: { type: 'string' },
    steps: { type: 'string', default: '600' },
    workers: { type: 'string' },
    'batch-size': { type: 'string', default: '64' },
    flag: { type: 'string', multiple: true, default: [] },
    profile: { type: 'string' },
    scale: { type: 'boolean' },
    networks: { type: 'string', default: networkNames.join() },
    relays: { type: 'string', default: '0' },
    'shard-ms': { type: 'string', default: '20' },
    seconds: { type: 'string', default: '10' },
    thin: { type: 'boolean' },
    rows: { type: 'string' },
    rate: { type: 'string', default: '20mbit' },
    delay: { type: 'string', default: '10ms' },
    plan: { type: 'boolean' },
    uplink: { type: 'string', default: '20mbit' },
    downlink: { type: 'string' },
    latency: { type: 'string', default: '20ms' },
    parameters: { type: 'string', default: '415310' },
    liars: { type: 'boolean' },
    hidden: { type: 'string', default: '64' },
    'samples-per-second': { type: 'string', default: '2000' },
  },
});

if (values.engines) await measureEngines();
if (values.codecs) await measureCodecs();
if (values.accuracy) {
  const { wires, seeds, epochs, workers = 1, flag, file } = values;
  await measureAccuracy({
    wires: wires.split(','),
    seeds: seeds.split(',').map(Number),
    epochs: Number(epochs ?? 20),
    workers: Number(workers),
    flags: flag,
    file,
  });
}
if (values.reach !== undefined) {
  const { reach, seeds, epochs, flag } = values;
  await measureReach({
    accuracy: Number(reach),
    seeds: seeds.split(',').map(Number),
    epochs: Number(epochs ?? 20),
    flags: flag,
  });
}
if (values.speed) {
  const { batches, rounds, only, file, baseline } = values;
  const batchSizes = batches.split(',').map(Number);
  const sides = only?.split(';');
  await measureSpeed({
    batchSizes,
    rounds: Number(rounds),
    epochs: Number(values.epochs ?? 5),
    only: sides,
    file,
    baseline,
  });
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
if (values.page) {
  await measurePage({ seconds: Number(values.seconds), only: values.only?.split(',') });
}
if (values.scale) {
  const chosen = values.networks.split(',');
  await measureScale({
    workers: (values.workers ?? '8,50,200,1000').split(',').map(Number),
    networks: networkNames.filter((name) => chosen.includes(name)),
    relays: values.relays.split(',').map(Number),
    shardMs: Number(values['shard-ms']),
    seconds: Number(values.seconds),
    file: values.file,
    profileDirectory: values.profile,
  });
}
if (values.thin) {
  await measureThin({
    rows: values.rows?.split(','),
    flags: values.flag,
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
  for (const workers of (values.workers ?? '10000').split(',')) {
    printPlan({ ...place, workers: Number(workers) }, values.file);
  }
}
if (values.liars) {
  await measureLiars({ epochs: Number(values.epochs ?? 3), hidden: values.hidden });
}
const benches = [
  'engines',
  'codecs',
  'accuracy',
  'speed',
  'reach',
  'step-cost',
  'watchers',
  'page',
  'scale',
  'thin',
  'plan',
  'liars',
] as const;
if (!benches.some((bench) => values[bench])) {
  console.log(`Say what to measure: npm run bench -- --${benches.join(', --')}`);
}
