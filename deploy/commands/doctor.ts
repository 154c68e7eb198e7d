import { createServer } from 'node:net';
import { cpus } from 'node:os';
import { loadDataset } from '../../coordinator/dataset-files.ts';
import type { Engine } from '../../shared/contracts.ts';
import { createMlp } from '../../shared/model/mlp.ts';
import { engineChoices } from '../../worker/engines/index.ts';
import { proveEngine } from '../../worker/engines/prove.ts';
import type { EngineChoice } from '../../worker/engines/registry.ts';
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

interface Finding {
  /** `none`: nothing is wrong, it is only not there. */
  readonly verdict: 'ok' | 'FAIL' | 'none';
  readonly what: string;
  readonly detail: string;
}

export const doctor = defineCommand({
  usage: 'doctor',
  describe: 'What this machine can do: engines, data, port, clock',
  positionals: {},
  options: { port: { ...serveOptions.port, default: 7070 }, data: serveOptions.data },
  examples: [['$0 doctor', 'Before the lesson begins']],
  async run({ port, data }) {
    refuseImpossiblePort(port);
    const findings: Finding[] = [
      { verdict: 'ok', what: 'node', detail: `${process.version}, ${cpus().length} cores` },
      await checkData(data),
      await checkPort(port),
      checkClock(),
    ];
    // One after the other: they are timed.
    for (const choice of engineChoices) findings.push(await checkEngine(choice));
    const width = Math.max(...findings.map(({ what }) => what.length));
    for (const { verdict, what, detail } of findings) {
      console.log(`${verdict.padEnd(4)}  ${what.padEnd(width)}  ${detail}`);
    }
    return findings.some(({ verdict }) => verdict === 'FAIL') ? 'failure' : 'ok';
  },
});

async function checkEngine({ spec, kind, provider }: EngineChoice): Promise<Finding> {
  const what = `engine ${spec}`;
  const { tolerance } = kind;
  let engine: Engine;
  try {
    engine = await kind.create(referenceModel, provider);
  } catch (error) {
    return { verdict: 'none', what, detail: (error as Error).message.replace(`${what}: `, '') };
  }
  try {
    const proof = await proveEngine(engine, { model: referenceModel, tolerance, sliceSize });
    await engine.dispose();
    const speed = `${proof.millisecondsPerSlice.toFixed(2)} ms for ${sliceSize} images`;
    const error = `error ${proof.maxError.toExponential(1)} against the reference`;
    const detail = `${speed}, ${formatRate(proof.samplesPerSecond)}, ${error}`;
    return { verdict: 'ok', what, detail };
  } catch (error) {
    return { verdict: 'FAIL', what, detail: (error as Error).message };
  }
}

async function checkData(directory: string | undefined): Promise<Finding> {
  try {
    const { dataset } = await loadDataset({ name: 'mnist', directory });
    const { trainSamples, testSamples } = dataset.shape;
    const detail = `MNIST, ${trainSamples} + ${testSamples} images, checksums match`;
    return { verdict: 'ok', what: 'data', detail };
  } catch (error) {
    return { verdict: 'FAIL', what: 'data', detail: (error as Error).message };
  }
}

function checkPort(port: number): Promise<Finding> {
  const what = `port ${port}`;
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', ({ message }) => {
      resolve({ verdict: 'FAIL', what, detail: `${message}; choose another with --port` });
    });
    probe.listen(port, '127.0.0.1', () => {
      probe.close(() => resolve({ verdict: 'ok', what, detail: 'free' }));
    });
  });
}

/** Leases run on the monotonic clock; the other one only dates events. */
function checkClock(): Finding {
  const year = new Date().getFullYear();
  const detail = new Date().toISOString();
  return { verdict: year >= 2026 ? 'ok' : 'FAIL', what: 'clock', detail };
}
