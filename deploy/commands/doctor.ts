import { createServer } from 'node:net';
import { cpus } from 'node:os';
import { loadDataset } from '../../coordinator/dataset-files.ts';
import { createMlp } from '../../shared/model/mlp.ts';
import { type EngineName, engineNames, engines } from '../../worker/engines/index.ts';
import { proveEngine } from '../../worker/engines/prove.ts';
import { defineCommand } from '../command.ts';
import { refuseImpossiblePort, serveOptions } from '../serve-options.ts';
import { formatRate } from '../terminal/format.ts';

const referenceModel = createMlp({
  inputs: 784,
  hidden: [400, 200, 100],
  classes: 10,
  activation: 'relu',
});
/** A shard of the reference run. */
const sliceSize = 32;

type Finding = { readonly isGood: boolean; readonly what: string; readonly detail: string };

export const doctor = defineCommand({
  usage: 'doctor',
  describe: 'What this machine can do: engines, data, port, clock',
  positionals: {},
  options: { port: { ...serveOptions.port, default: 7070 }, data: serveOptions.data },
  examples: [['$0 doctor', 'Before the lesson begins']],
  async run({ port, data }) {
    refuseImpossiblePort(port);
    const findings: Finding[] = [
      { isGood: true, what: 'node', detail: `${process.version}, ${cpus().length} cores` },
      await checkData(data),
      await checkPort(port),
      checkClock(),
    ];
    // One after the other: they are timed.
    for (const name of engineNames) findings.push(await checkEngine(name));
    for (const { isGood, what, detail } of findings) {
      console.log(`${isGood ? 'ok  ' : 'FAIL'}  ${what.padEnd(16)}  ${detail}`);
    }
    return findings.every(({ isGood }) => isGood) ? 'ok' : 'failure';
  },
});

async function checkEngine(name: EngineName): Promise<Finding> {
  const what = `engine ${name}`;
  const { tolerance, create } = engines[name];
  try {
    const engine = await create(referenceModel);
    const proof = await proveEngine(engine, { model: referenceModel, tolerance, sliceSize });
    await engine.dispose();
    const speed = `${proof.millisecondsPerSlice.toFixed(2)} ms for ${sliceSize} images`;
    const detail = `${engine.label}, ${speed}, ${formatRate(proof.samplesPerSecond)}`;
    return { isGood: true, what, detail: `${detail}, error ${proof.maxError.toExponential(1)}` };
  } catch (error) {
    return { isGood: false, what, detail: (error as Error).message };
  }
}

async function checkData(directory: string | undefined): Promise<Finding> {
  try {
    const { dataset } = await loadDataset({ name: 'mnist', directory });
    const { trainSamples, testSamples } = dataset.shape;
    const detail = `MNIST, ${trainSamples} + ${testSamples} images, checksums match`;
    return { isGood: true, what: 'data', detail };
  } catch (error) {
    return { isGood: false, what: 'data', detail: (error as Error).message };
  }
}

function checkPort(port: number): Promise<Finding> {
  const what = `port ${port}`;
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', ({ message }) => {
      resolve({ isGood: false, what, detail: `${message}; choose another with --port` });
    });
    probe.listen(port, '127.0.0.1', () => {
      probe.close(() => resolve({ isGood: true, what, detail: 'free' }));
    });
  });
}

/** Leases run on the monotonic clock; the other one only dates events. */
function checkClock(): Finding {
  const year = new Date().getFullYear();
  const detail = new Date().toISOString();
  return { isGood: year >= 2026, what: 'clock', detail };
}
