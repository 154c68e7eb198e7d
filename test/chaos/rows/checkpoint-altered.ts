import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ownerOf } from '../../../coordinator/archive.ts';
import { checkpointFileNames } from '../../../coordinator/checkpoint.ts';
import { listCheckpoints, loadLatestCheckpoint } from '../../../coordinator/checkpoint-folder.ts';
import { type DiskReader, diskReader } from '../../../coordinator/disk.ts';
import { openRunFolder, type RunFolder } from '../../../coordinator/run-folder.ts';
import { exitCodes } from '../../../deploy/exit-codes.ts';
import type { Draw } from '../../simulator/draw.ts';
import { drawStep } from '../faults.ts';
import { type Lab, openLab } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

/** A file of the newest checkpoint with other content. */
interface Alteration {
  readonly what: string;
  readonly path: string;
  readonly bytes: Uint8Array;
}

const flippedBytes = 500;

export const checkpointAltered: Row = {
  number: 11,
  title: 'checkpoints truncated, altered, of another configuration',
  play: async ({ t, draw, tell }) => {
    const lab = await openLab(t, { serveFlags: ['--checkpoint-every=25'] });
    lab.startWorkers('one', 'two');
    await lab.reached(drawStep(draw, 0.2, 0.5));
    lab.coordinator.kill('SIGKILL');
    await lab.coordinator.exit;

    const folder = await openRunFolder(lab.runDirectory);
    const [newest, before] = await wholeVersions(folder);
    const alterations = await drawAlterations(folder, newest, draw);
    for (const alteration of alterations) {
      const { used, reason } = await loadWith(folder, alteration);
      assert.equal(used, before, `${alteration.what}: step ${used} is used, not ${before}`);
      assert.ok(reason.length > 0, `${alteration.what}: no reason`);
    }
    tell(`${alterations.length} alterations of checkpoint ${newest} refused`);

    await assertOtherRunRefused(lab, folder);
    const { what, path, bytes } = draw.pick(alterations);
    await writeFile(path, bytes);
    lab.succeed();
    const startedAt = performance.now();
    const { fromVersion } = await lab.coordinator.waitForEvent('run');
    assert.equal(fromVersion, before);
    const { message } = await lab.coordinator.waitForEvent('notice');
    tell(`${what}: ${message}`);
    assert.match(message, new RegExp(`${newest} is not used: .`));
    await lab.coordinator.waitForEvent('step');
    const recoveryMs = performance.now() - startedAt;
    await assertUnharmed(lab);
    return [recoveryMs];
  },
};

/** Newest first. */
async function wholeVersions({ paths }: RunFolder): Promise<number[]> {
  const entries = await listCheckpoints(paths.checkpoints);
  const versions = entries.filter(({ kind }) => kind === 'whole').map(({ version }) => version);
  return versions.sort((a, b) => b - a);
}

/** Truncated at every kilobyte, and one bit flipped in some bytes. */
async function drawAlterations(
  { paths }: RunFolder,
  version: number,
  draw: Draw,
): Promise<Alteration[]> {
  const directory = join(paths.checkpoints, String(version).padStart(9, '0'));
  const files = await Promise.all(
    checkpointFileNames.map(async (name) => {
      const path = join(directory, name);
      return { name, path, whole: await readFile(path) };
    }),
  );
  const truncated = files.flatMap(({ name, path, whole }) =>
    Array.from({ length: Math.ceil(whole.length / 1024) }, (_, kilobytes) => ({
      what: `${name} ends after ${kilobytes} kB`,
      path,
      bytes: whole.subarray(0, kilobytes * 1024),
    })),
  );
  const flipped = Array.from({ length: flippedBytes }, () => {
    const { name, path, whole } = draw.pick(files);
    const at = draw.integer(0, whole.length - 1);
    const bytes = Uint8Array.from(whole);
    bytes[at] ^= 1 << draw.integer(0, 7);
    return { what: `a bit of byte ${at} of ${name} is flipped`, path, bytes };
  });
  return [...truncated, ...flipped];
}

/** As if the file on disk were that one. */
async function loadWith(folder: RunFolder, { path, bytes }: Alteration) {
  const reader: DiskReader = {
    list: diskReader.list,
    read: async (wanted) => (wanted === path ? bytes : diskReader.read(wanted)),
  };
  const loaded = await loadLatestCheckpoint(folder.paths.checkpoints, ownerOf(folder), reader);
  return { used: loaded.snapshot?.version, reason: loaded.skipped.at(0)?.reason ?? '' };
}

/** The same folder with another configuration or other data: none of its checkpoints is its own. */
async function assertOtherRunRefused(lab: Lab, { paths, config }: RunFolder): Promise<void> {
  const original = await readFile(paths.config, 'utf8');
  const others = [original.replace(`"seed": ${config.seed}`, `"seed": ${config.seed + 1}`)];
  for (const other of others) {
    assert.notEqual(other, original);
    await writeFile(paths.config, other);
    const coordinator = lab.startRival();
    assert.equal(await coordinator.exit, exitCodes.run.status);
    assert.match(coordinator.stderr, /has no usable checkpoint/);
    assert.match(coordinator.stderr, /made with another configuration or other data/);
  }
  await writeFile(paths.config, original);
}
