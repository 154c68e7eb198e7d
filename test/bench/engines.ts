// Every engine that runs here, on each network and slice size: how far from the float64 reference, and how fast.
import { createMlp } from '../../shared/model/mlp.ts';
import type { Model } from '../../shared/model/model.ts';
import { engineChoices } from '../../worker/engines/index.ts';
import { proveEngine } from '../../worker/engines/prove.ts';
import type { EngineChoice } from '../../worker/engines/registry.ts';
import { aligned } from '../aligned.ts';

const digits = { inputs: 784, hidden: [400, 200, 100], classes: 10 } as const;
const networks: Readonly<Record<string, Model>> = {
  relu: createMlp({ ...digits, activation: 'relu' }),
  'no activation': createMlp({ ...digits, activation: 'none' }),
  'batch norm': createMlp({ ...digits, activation: 'relu', batchNorm: true }),
};
const sliceSizes = [1, 7, 32, 64, 256];

/** Prints a table, and why the other engines are not in it. */
export async function measureEngines(): Promise<void> {
  const lines = [['engine', 'network', 'images', 'max error', 'ms', 'samples/s']];
  const obstacles: string[] = [];
  for (const choice of engineChoices) {
    try {
      lines.push(...(await linesOf(choice)));
    } catch (error) {
      obstacles.push((error as Error).message);
    }
  }
  console.log([aligned(lines), '', ...obstacles].join('\n'));
}

async function linesOf(choice: EngineChoice): Promise<string[][]> {
  const lines: string[][] = [];
  for (const [network, model] of Object.entries(networks)) {
    const engine = await choice.kind.create(model, choice.provider);
    for (const sliceSize of sliceSizes) {
      const { tolerance } = choice.kind;
      const proof = await proveEngine(engine, { model, tolerance, sliceSize });
      lines.push([
        choice.spec,
        network,
        String(sliceSize),
        proof.maxError.toExponential(1),
        proof.millisecondsPerSlice.toFixed(2),
        Math.round(proof.samplesPerSecond).toLocaleString('en-US'),
      ]);
    }
    await engine.dispose();
  }
  return lines;
}
