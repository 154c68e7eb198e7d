// The engine that a worker computes with: the one that was asked for, or the fastest that is right on this machine.
import type { Engine } from '../../shared/contracts.ts';
import type { Model } from '../../shared/model/model.ts';
import { type EngineProof, proveEngine } from './prove.ts';
import { type EngineChoice, findChoice } from './registry.ts';

/** Instead of an engine's name: whatever is fastest here; of nearly equal ones the first in the registry. */
export const auto = 'auto';

export interface ChosenEngine extends EngineProof {
  readonly engine: Engine;
  /** What was chosen and why, in one line for people. */
  readonly story: string;
}

export interface ChoiceOptions {
  /** `auto` or the name of one of `choices`: that one and no other. */
  readonly spec: string;
  /** What this place can load. */
  readonly choices: readonly EngineChoice[];
  readonly model: Model;
  /** Images a slice in the run: what is fast for many may be slow for few. */
  readonly sliceSize: number;
}

/** Rejects when the engine that was asked for cannot run or computes wrongly, and never takes another one then. */
export async function chooseEngine({ spec, ...task }: ChoiceOptions): Promise<ChosenEngine> {
  if (spec !== auto) {
    const choice = findChoice(task.choices, spec);
    const engine = await choice.kind.create(task.model, choice.provider);
    const proven = await prove(engine, choice, task);
    return { ...proven, story: resultText(proven) };
  }
  const proven: Proven[] = [];
  const wrong: string[] = [];
  // One after the other: they are timed.
  for (const choice of task.choices.filter(isWorthTrying)) {
    const engine = await choice.kind.create(task.model, choice.provider).catch(() => undefined);
    if (engine === undefined) continue;
    const trial = await prove(engine, choice, task).catch(() => undefined);
    if (trial === undefined) wrong.push(choice.spec);
    else proven.push(trial);
  }
  const warning = wrong.length === 0 ? '' : `; not ${wrong.join(', ')}, which fails its proof here`;
  // The oracle is the last resort.
  if (proven.length === 0) {
    const oracle = await chooseEngine({ ...task, spec: 'reference' });
    return { ...oracle, story: oracle.story + warning };
  }
  const fastest = proven.reduce((best, next) => (isClearlyFaster(next, best) ? next : best));
  const others = proven.filter((each) => each !== fastest);
  for (const { engine } of others) await engine.dispose();
  const rivals = others.map(({ engine, samplesPerSecond }) => {
    return `${engine.label} (${rateText(samplesPerSecond)})`;
  });
  const because = rivals.length === 0 ? 'the only one here' : `rather than ${rivals.join(', ')}`;
  return { ...fastest, story: `${resultText(fastest)}; ${because}${warning}` };
}

type Proven = EngineProof & { readonly engine: Engine };

/** Timings on a busy machine are rough: workers that are alike shall choose alike, and so get equal bits. */
const clearFactor = 1.3;

function isClearlyFaster(one: Proven, other: Proven): boolean {
  return one.samplesPerSecond > clearFactor * other.samplesPerSecond;
}

function isWorthTrying({ kind, provider }: EngineChoice): boolean {
  return !kind.onRequest?.includes(provider);
}

/** Disposes of an engine that fails. */
async function prove(
  engine: Engine,
  { kind }: EngineChoice,
  { model, sliceSize }: Pick<ChoiceOptions, 'model' | 'sliceSize'>,
): Promise<Proven> {
  try {
    const proof = await proveEngine(engine, { model, tolerance: kind.tolerance, sliceSize });
    return { ...proof, engine };
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}

function resultText({ engine, samplesPerSecond, maxError }: Proven): string {
  const error = maxError.toExponential(1);
  return `engine ${engine.label}: ${rateText(samplesPerSecond)}, error ${error} against the reference`;
}

function rateText(samplesPerSecond: number): string {
  return `${Math.round(samplesPerSecond).toLocaleString('en-US')} samples/s`;
}
