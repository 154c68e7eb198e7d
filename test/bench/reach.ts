// How long it takes until a test accuracy is reached: tutti by a recipe, and one process of PyTorch as the reference has it.
import { aligned } from '../aligned.ts';
import { median } from '../median.ts';
import { inScope, temporaryFolder } from '../support.ts';
import { blasFault, pythonWithTorch, torchCommand, tuttiCommand } from './speed-sides.ts';
import { epochsOf, type TrainingCommand } from './told-epochs.ts';

export interface ReachOptions {
  /** From 0 to 1. */
  readonly accuracy: number;
  readonly seeds: readonly number[];
  /** After as many it is given up. */
  readonly epochs: number;
  /** More of tutti's command than the recipe. */
  readonly flags: readonly string[];
}

/** Of the README. */
const recipe = [
  '--sync=local',
  '--local-steps=16',
  '--learning-rate=0.05',
  '--momentum=0.9',
  '--nesterov',
  '--ema=0.95',
  '--label-smoothing=0.05',
];

interface Reached {
  readonly epoch: number;
  /** Of training: of tutti with the evaluation, which goes on meanwhile, of PyTorch without. */
  readonly seconds: number;
}

/** Prints a line a seed, both in turns, and the median of the ratios. */
export async function measureReach({
  accuracy,
  seeds,
  epochs,
  flags,
}: ReachOptions): Promise<void> {
  if (!(accuracy > 0 && accuracy <= 1)) {
    throw new Error('--reach takes a part of the test images, such as 0.98');
  }
  const python = pythonWithTorch();
  const fault = python && blasFault(python);
  if (fault !== undefined)
    console.log(`PyTorch here has ${fault}: it takes far longer than it could.\n`);
  const lines = [['seed', 'tutti', 's', 'PyTorch', 's', 'ratio']];
  const ratios: number[] = [];
  for (const seed of seeds) {
    const run = [`--epochs=${epochs}`, `--seed=${seed}`];
    const ours = await reach(tuttiCommand([...run, ...recipe, ...flags]), accuracy);
    const theirs =
      python === undefined
        ? undefined
        : await reach(torchCommand(python, [...run, '--batch=64']), accuracy);
    if (ours && theirs) ratios.push(ours.seconds / theirs.seconds);
    const ratio = ours && theirs ? (ours.seconds / theirs.seconds).toFixed(2) : '';
    lines.push([String(seed), ...cellsOf(ours), ...cellsOf(theirs), ratio]);
  }
  console.log(`${100 * accuracy} % of the test images\n${aligned(lines)}`);
  if (ratios.length > 0) console.log(`median of the ratios: ${median(ratios).toFixed(2)}`);
}

function reach(command: TrainingCommand, accuracy: number): Promise<Reached | undefined> {
  return inScope(async (t) => {
    let [count, seconds] = [0, 0];
    for await (const { epoch } of epochsOf(command, temporaryFolder(t))) {
      count++;
      seconds += epoch.seconds;
      if (epoch.testAccuracy >= accuracy) return { epoch: count, seconds };
    }
    return undefined;
  });
}

function cellsOf(reached: Reached | undefined): string[] {
  if (reached === undefined) return ['never', ''];
  return [`epoch ${reached.epoch}`, reached.seconds.toFixed(1)];
}
