// Runs that are over, as they are on disk, with more steps told of than a bench has time for; and how many points of
// them a page keeps.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRunFolder } from '../../coordinator/run-folder.ts';
import { Curves, mostPointsBeside } from '../../deploy/pages/watch/curves.ts';
import type { RunEvent } from '../../shared/events.ts';
import { createRandom } from '../../shared/random.ts';
import { end, epoch, run, step } from '../terminal-events.ts';

const { stepsPerEpoch } = run;
const { classes } = run.config.shape;
/** All right: what the matrix says is not the point here. */
const confusion = Array.from({ length: classes }, (_, label) => {
  return Array.from({ length: classes }, (_, answer) => (answer === label ? 1000 : 0));
});

/** As a run tells of them, every few steps: the loss of a step is noisy, and accuracies follow it. */
export function* newSteps(count: number, seed: string): Generator<typeof step> {
  const random = createRandom(seed);
  let version = 0;
  for (let told = 1; told <= count; told++) {
    version += 1 + Math.floor(8 * random.uniform());
    const loss = 2.3 * Math.exp((-4 * told) / count) + 0.3 * random.uniform();
    yield {
      ...step,
      epoch: Math.ceil(version / stepsPerEpoch),
      step: ((version - 1) % stepsPerEpoch) + 1,
      version,
      loss,
      accuracy: Math.max(0, 1 - loss / 2.5),
    };
  }
}

/** With an epoch after every so many. */
export function* withEpochs(steps: Iterable<typeof step>): Generator<RunEvent> {
  let evaluated = 0;
  for (const told of steps) {
    yield told;
    const done = Math.floor(told.version / stepsPerEpoch);
    if (done === evaluated) continue;
    evaluated = done;
    const version = done * stepsPerEpoch;
    yield { ...epoch, epoch: done, version, testLoss: told.loss, confusion };
  }
}

/** `cwd` holds `runs/`. Returns the names of the runs. */
export async function writePastRuns(cwd: string, count: number, steps: number): Promise<string[]> {
  const names: string[] = [];
  for (let number = 1; number <= count; number++) {
    const startedAt = Date.parse('2026-11-20T10:00:00Z') + 3_600_000 * number;
    const folder = await createRunFolder(join(cwd, 'runs'), run.config, new Date(startedAt));
    const told = withEpochs(newSteps(steps, folder.id));
    const events: RunEvent[] = [{ ...run, run: folder.id }, ...told, end];
    const lines = events.map((event, at) => {
      const time = new Date(startedAt + 250 * at).toISOString();
      return `${JSON.stringify({ ...event, seq: at + 1, time })}\n`;
    });
    await writeFile(folder.paths.events, lines.join(''));
    names.push(folder.id);
  }
  return names;
}

/** In each chart of training, of a run beside others, by what the coordinator hands out. */
export async function pointsBeside(url: string, name: string): Promise<number> {
  const response = await fetch(`${url}/api/v1/runs/${name}/events`);
  const curves = new Curves(mostPointsBeside);
  for (const line of (await response.text()).trimEnd().split('\n')) curves.add(JSON.parse(line));
  return curves.train.versions.length;
}
