// A run of workers that reach together what can be compared with what they reach alone.
import { type Lab, openLab } from './lab.ts';
import type { Trial } from './trial.ts';

/** Many more shards than workers, so that they can be dealt by speed. */
const steadyFlags: readonly string[] = [
  '--train-samples=4096',
  '--test-samples=500',
  '--hidden=32',
  '--batch-size=256',
  '--shards=64',
  '--epochs=5',
  '--only-engine=onnx',
];
export const steadySteps = 80;

export async function openSteadyLab({ t }: Trial): Promise<Lab> {
  return openLab(t, { flags: steadyFlags, shardMs: 8 });
}

/** Steps a second over the next so many steps. */
export async function speedOver(lab: Lab, steps: number): Promise<number> {
  const { lastSeq } = lab;
  const first = await lab.coordinator.waitForEvent('step', ({ seq }) => seq > lastSeq);
  const last = await lab.reached(first.version + steps);
  const seconds = (Date.parse(last.time) - Date.parse(first.time)) / 1000;
  return (last.version - first.version) / seconds;
}
