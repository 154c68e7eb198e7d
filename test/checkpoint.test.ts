import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type CheckpointFiles,
  type CheckpointOwner,
  checkpointFileNames,
  decodeCheckpoint,
  encodeCheckpoint,
  type Snapshot,
} from '../coordinator/checkpoint.ts';
import { listCheckpoints, loadLatestCheckpoint } from '../coordinator/checkpoint-folder.ts';
import { saveCheckpoint, storeCheckpoint } from '../coordinator/checkpoint-store.ts';
import { weightsHash } from '../coordinator/weights-hash.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { initialWeights } from '../shared/model/model.ts';
import { createRandom } from '../shared/random.ts';
import { MemoryDisk } from './memory-disk.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const model = createMlp({ inputs: 40, hidden: [20], classes: 3, activation: 'relu' });
const owner: CheckpointOwner = { model, run: 'a-run', configHash: 'c'.repeat(64) };
const directory = '/checkpoints';

describe('a checkpoint', () => {
  it('gives back all of a snapshot, by value', () => {
    const snapshot = snapshotAt(5, 0.93);
    const verdict = decodeCheckpoint(encodeCheckpoint(snapshot, owner), owner);
    expect(verdict).toEqual({ ok: true, snapshot });
  });

  it('keeps an optimizer without memory and a run without evaluation', () => {
    const { counters: _, ...snapshot } = { ...snapshotAt(5), optimizer: {} };
    const verdict = decodeCheckpoint(encodeCheckpoint(snapshot, owner), owner);
    expect(verdict).toEqual({ ok: true, snapshot });
  });

  it('is refused when any bit of state.json is flipped or any byte made blank', () => {
    const files = encodeCheckpoint(snapshotAt(5, 0.93), owner);
    for (const [at, byte] of files['state.json'].entries()) {
      for (const blank of Buffer.from(' \t\n')) {
        if (byte !== blank) {
          expectRefusal({ ...files, 'state.json': files['state.json'].with(at, blank) });
        }
      }
    }
    for (let bit = 0; bit < 8 * files['state.json'].length; bit++) {
      expectRefusal({ ...files, 'state.json': flipped(files['state.json'], bit) });
    }
  });

  it('is refused when a bit of a tensor file is flipped, in the header or any tensor', () => {
    const files = encodeCheckpoint(snapshotAt(5), owner);
    const random = createRandom(1, 'flips');
    for (const name of ['model.safetensors', 'optimizer.safetensors'] as const) {
      for (let round = 0; round < 500; round++) {
        const bit = random.below(8 * files[name].length);
        expectRefusal(
          { ...files, [name]: flipped(files[name], bit) },
          `${name} is torn or altered`,
        );
      }
    }
  });

  it('is refused when a file is cut at any kilobyte, or missing', () => {
    const files = encodeCheckpoint(snapshotAt(5), owner);
    for (const name of checkpointFileNames) {
      for (let length = 0; length < files[name].length; length += 1000) {
        expectRefusal({ ...files, [name]: files[name].subarray(0, length) }, /torn or altered/);
      }
      expectRefusal({ ...files, [name]: undefined }, `it is incomplete: ${name} missing`);
    }
  });

  it('is refused when it is of another format, run, configuration or network', () => {
    const files = encodeCheckpoint(snapshotAt(5), owner);
    const state = Buffer.from(files['state.json']).toString();
    const newer = Buffer.from(state.replace('"formatVersion": 1', '"formatVersion": 2'));
    expectRefusal({ ...files, 'state.json': newer }, 'it has format 2');
    expectRefusal(files, 'it belongs to the run a-run', { ...owner, run: 'b-run' });
    expectRefusal(files, 'another configuration', { ...owner, configHash: 'd'.repeat(64) });
    const other = createMlp({ inputs: 40, hidden: [21], classes: 3, activation: 'relu' });
    expectRefusal(files, 'for another network', { ...owner, model: other });
  });

  it('is not made of numbers that JSON cannot hold', () => {
    const snapshot = snapshotAt(5);
    const epochTotals = { ...snapshot.epochTotals, lossSum: Number.NaN };
    expect(() => encodeCheckpoint({ ...snapshot, epochTotals }, owner)).toThrow();
  });
});

describe('the folder of checkpoints', () => {
  it('survives a crash between any two disk operations of a save', async () => {
    await crashEverywhere({ before: [1, 2, 3, 4], saving: 5 });
  });

  it('survives a crash while a checkpoint of the same version takes its place', async () => {
    await crashEverywhere({ before: [5], saving: 5 });
    await crashEverywhere({ before: [1, 2, 3, 4, 5], saving: 5 });
  });

  it('keeps the one before when the disk refuses, and leaves nothing behind', async () => {
    for (let failing = 0; failing < 9; failing++) {
      const disk = new MemoryDisk();
      await save(disk, snapshotAt(4));
      await expect(save(disk, snapshotAt(5), { failing })).rejects.toThrow('ENOSPC');
      expect(await disk.list(directory)).toEqual(['000000004']);
      expect(await loadedVersion(disk)).toBe(4);
      await save(disk, snapshotAt(5));
      expect(await loadedVersion(disk)).toBe(5);
    }
  });

  it('keeps the last three and the best', async () => {
    const disk = new MemoryDisk();
    const accuracies = [0.5, 0.9, 0.7, 0.9, 0.8, 0.9, undefined];
    for (const [index, accuracy] of accuracies.entries()) {
      await save(disk, snapshotAt(index + 1, accuracy));
    }
    expect((await disk.list(directory)).sort()).toEqual([
      '000000002',
      '000000005',
      '000000006',
      '000000007',
    ]);
    await save(disk, snapshotAt(8, 0.95));
    expect((await disk.list(directory)).sort()).toEqual(['000000006', '000000007', '000000008']);
  });

  it('is loaded from the newest that is whole, and says why not from newer ones', async () => {
    const real = await temporaryDirectory();
    for (const version of [7, 8, 1_000_000_000]) {
      await storeCheckpoint({ directory: real, snapshot: snapshotAt(version), owner });
    }
    const torn = join(real, '1000000000', 'model.safetensors');
    await writeFile(torn, (await readFile(torn)).subarray(0, 100));
    await rm(join(real, '000000008', 'state.json'));
    const loaded = await loadLatestCheckpoint(real, owner);
    expect(loaded.snapshot).toEqual(snapshotAt(7));
    expect(loaded.skipped).toEqual([
      { path: join(real, '1000000000'), reason: 'model.safetensors is torn or altered' },
      { path: join(real, '000000008'), reason: 'it is incomplete: state.json missing' },
    ]);
  });

  it('replaces a broken checkpoint by one of the same version', async () => {
    const real = await temporaryDirectory();
    const options = { directory: real, owner };
    await storeCheckpoint({ ...options, snapshot: snapshotAt(7) });
    const path = await storeCheckpoint({ ...options, snapshot: snapshotAt(8) });
    await writeFile(join(path, 'state.json'), 'torn');
    expect(await storeCheckpoint({ ...options, snapshot: snapshotAt(8) })).toBe(path);
    expect(await loadLatestCheckpoint(real, owner)).toEqual({
      snapshot: snapshotAt(8),
      path,
      skipped: [],
    });
  });

  it('may be missing or hold nothing of ours', async () => {
    const real = await temporaryDirectory();
    await writeFile(join(real, 'notes.txt'), 'mine');
    expect(await loadLatestCheckpoint(real, owner)).toEqual({ skipped: [] });
    expect(await loadLatestCheckpoint(join(real, 'none'), owner)).toEqual({ skipped: [] });
  });
});

describe('weightsHash', () => {
  it('is the SHA-256 of the little-endian bytes, wherever the values lie', () => {
    // printf '\0\0\x80\x3f\0\0\0\xc0' | sha256sum
    const expected = 'ee4ac73c2bd27756ab82780f27c73a7bc4d3f0bb6acb37e008bc27eccd7e588b';
    expect(weightsHash(Float32Array.of(1, -2))).toBe(expected);
    expect(weightsHash(Float32Array.of(9, 1, -2, 9).subarray(1, 3))).toBe(expected);
  });
});

function snapshotAt(version: number, lastTestAccuracy?: number): Snapshot {
  return {
    version,
    epoch: Math.floor(version / 4),
    step: version % 4,
    weights: initialWeights(model, version),
    optimizer: { velocity: initialWeights(model, -version), second: Float32Array.of(version) },
    epochTotals: { lossSum: 0.1 + version, correct: 3, samples: 4, seconds: 0.25 },
    ...(lastTestAccuracy !== undefined && { lastTestAccuracy }),
    counters: {
      samplesCommitted: 100 * version,
      samplesWasted: 1,
      gradientsAccepted: 2,
      gradientsDuplicate: 3,
      gradientsLate: 4,
      gradientsRejected: 5,
    },
  };
}

function expectRefusal(files: Partial<CheckpointFiles>, reason: string | RegExp = /./, by = owner) {
  const verdict = decodeCheckpoint(files, by);
  if (verdict.ok) throw new Error('it was loaded');
  expect(verdict.reason).toMatch(reason);
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] ^= 1 << (bit & 7);
  return copy;
}

interface Trouble {
  /** Power goes before this operation. */
  readonly crashBefore?: number;
  /** This operation fails, once. */
  readonly failing?: number;
}

/** Number of operations that were done. */
async function save(disk: MemoryDisk, snapshot: Snapshot, trouble: Trouble = {}): Promise<number> {
  const entries = await listCheckpoints(directory, disk);
  const operations = saveCheckpoint({ directory, snapshot, owner, entries });
  let done = 0;
  for (let next = operations.next(); !next.done; done++) {
    if (done === trouble.crashBefore) return done;
    if (done === trouble.failing) {
      next = operations.throw(new Error('ENOSPC'));
      continue;
    }
    disk.perform(next.value);
    next = operations.next();
  }
  return done;
}

async function loadedVersion(disk: MemoryDisk): Promise<number | undefined> {
  const { snapshot } = await loadLatestCheckpoint(directory, owner, disk);
  if (snapshot !== undefined) {
    const saved = snapshotAt(snapshot.version).weights;
    expect(weightsHash(snapshot.weights)).toBe(weightsHash(saved));
  }
  return snapshot?.version;
}

async function crashEverywhere({ before, saving }: { before: number[]; saving: number }) {
  let isComplete = false;
  for (let crashBefore = 0; !isComplete; crashBefore++) {
    for (let seed = 0; seed < 20; seed++) {
      const disk = new MemoryDisk();
      for (const version of before) await save(disk, snapshotAt(version));
      disk.perform({ kind: 'syncDirectory', path: '/' });
      const done = await save(disk, snapshotAt(saving), { crashBefore });
      isComplete = done < crashBefore;
      disk.crash(createRandom(seed, 'crash', crashBefore));
      const found = await loadedVersion(disk);
      expect([before.at(-1), saving]).toContain(found);
      if (isComplete) expect(found).toBe(saving);
      await save(disk, snapshotAt(saving));
      expect(await loadedVersion(disk)).toBe(saving);
    }
  }
}
