import { appendFile, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AppendFileOptions } from '../coordinator/append-file.ts';
import { keepThroughVersion, openAppendLog, readLog } from '../coordinator/append-log.ts';
import { auditLedger, type LedgerRecord, readLedger } from '../coordinator/ledger.ts';
import { createPlan } from '../shared/plan.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const records = Array.from({ length: 1000 }, (_, at) => ({ at, text: 'é\n"' }));

describe('the append log', () => {
  it('keeps the order of what comes before, between and after flushes', async () => {
    const { log, path } = await newLog();
    for (const record of records.slice(0, 400)) log.append(record);
    const first = log.flush();
    for (const record of records.slice(400, 900)) log.append(record);
    expect(await first).toBe(true);
    expect(await log.flush()).toBe(true);
    for (const record of records.slice(900)) log.append(record);
    await log.close();
    expect(await readLog(path)).toEqual(records);
    expect(log.bytes).toBe((await readFile(path)).length);
  });

  it('goes on where an earlier one ended, and ignores what comes after its end', async () => {
    const { log, path } = await newLog();
    log.append({ at: 1 });
    await log.close();
    log.append({ at: 2 });
    await log.close();
    const again = await openAppendLog(path, { onError: unexpected });
    expect(again.bytes).toBe(log.bytes);
    again.append({ at: 3 });
    await again.close();
    expect(await readLog(path)).toEqual([{ at: 1 }, { at: 3 }]);
  });

  it('takes many lines in one write, and only when asked or after a while', async () => {
    const { log } = await newLog();
    const write = vi.spyOn(await fileHandlePrototype(), 'write');
    onTestFinished(() => write.mockRestore());
    for (const record of records) log.append(record);
    expect(write).not.toHaveBeenCalled();
    await log.flush();
    expect(write).toHaveBeenCalledTimes(1);
    log.append({ at: 1000 });
    await vi.waitFor(() => expect(write).toHaveBeenCalledTimes(2));
    await log.close();
  });

  it('reports a full disk once, and loses nothing when there is room again', async () => {
    const errors: string[] = [];
    const { log, path } = await newLog({ onError: ({ message }) => errors.push(message) });
    const room = await fullDisk(10);
    for (const record of records.slice(0, 500)) log.append(record);
    expect(await log.flush()).toBe(false);
    expect(await log.flush()).toBe(false);
    for (const record of records.slice(500)) log.append(record);
    expect(errors).toEqual(['ENOSPC']);
    room.mockRestore();
    expect(await log.flush()).toBe(true);
    await log.close();
    expect(await readLog(path)).toEqual(records);
  });

  it('holds a limited number of bytes while the disk is full, whoever logs its errors', async () => {
    const errors: string[] = [];
    const onError = ({ message }: Error) => {
      errors.push(message);
      log.append({ message });
    };
    const { log, path } = await newLog({ onError, maxWaitingBytes: 100 });
    const room = await fullDisk(0);
    for (let at = 0; at < 1000; at++) log.append({ at });
    await log.flush();
    expect(errors).toEqual([expect.stringContaining('some are lost'), 'ENOSPC']);
    room.mockRestore();
    await log.flush();
    expect(log.bytes).toBeGreaterThan(90);
    expect(log.bytes).toBeLessThanOrEqual(100);
    log.append({ at: 1000 });
    await log.close();
    const kept = await readLog(path);
    expect(kept.slice(0, 2)).toEqual([{ at: 0 }, { at: 1 }]);
    expect(kept.at(-1)).toEqual({ at: 1000 });
  });
});

describe('taking a log back to a checkpoint', () => {
  it('drops the torn line and what came later, and leaves the rest as it was', async () => {
    const path = join(await temporaryDirectory(), 'events.ndjson');
    const lines = [
      { type: 'run', seq: 1, fromVersion: 0 },
      { type: 'step', seq: 2, version: 10 },
      { type: 'step', seq: 3, version: 11 },
      { type: 'worker', seq: 4, worker: 'a' },
      { type: 'end', seq: 5, version: 11 },
    ];
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await appendFile(path, '{"type":"step","seq":6,"ver');
    const isKept = ({ type }: { type?: unknown }) => type === 'end';
    const kept = await keepThroughVersion(path, 10, isKept);
    expect(kept).toEqual([lines[0], lines[1], lines[3], lines[4]]);
    expect(await readLog(path)).toEqual(kept);
    expect((await readFile(path, 'utf8')).endsWith('}\n')).toBe(true);
  });

  it('starts an empty log where there is none', async () => {
    const path = join(await temporaryDirectory(), 'events.ndjson');
    expect(await keepThroughVersion(path, 3)).toEqual([]);
    expect(await readFile(path, 'utf8')).toBe('');
  });

  it('lets another log go on behind it', async () => {
    const { log, path } = await newLog();
    for (let version = 1; version <= 5; version++) log.append({ version });
    await log.close();
    await appendFile(path, '{"version":6');
    await keepThroughVersion(path, 3);
    const next = await openAppendLog(path, { onError: unexpected });
    next.append({ version: 4 });
    await next.close();
    expect(await readLog(path)).toEqual([1, 2, 3, 4].map((version) => ({ version })));
  });
});

describe('the ledger', () => {
  const plan = createPlan({
    samples: 100,
    batchSize: 16,
    shards: 4,
    epochs: 2,
    seed: 3,
    shuffle: true,
    sharding: 'shuffled',
  });
  const ledger = Array.from({ length: plan.totalSteps }, (_, at) => recordOf(at + 1));
  const audit = (records: LedgerRecord[]) =>
    auditLedger(records, { trainSamples: 100, shardIndices: plan.shardIndices });

  function recordOf(version: number): LedgerRecord {
    const { epoch, step } = plan.position(version - 1);
    return {
      version,
      epoch,
      step,
      samples: plan.stepSize(step),
      lossSum: 1 / version,
      correct: 1,
      learningRate: 0.1,
      shards: [
        { start: 0, length: 2, worker: 'a' },
        { start: 2, length: 1, worker: 'b' },
        { start: 3, length: 1, worker: 'a' },
      ],
    };
  }

  it('comes back from the disk by value, a loss that is not a number too', async () => {
    const { log, path } = await newLog();
    const diverged = { ...recordOf(1), lossSum: Number.NaN };
    for (const record of [...ledger, diverged]) log.append(record);
    await log.close();
    await appendFile(path, '{"version":');
    expect(await readLedger(path)).toEqual([...ledger, diverged]);
    await appendFile(path, '\n{"version":-1}\n');
    await expect(readLedger(path)).rejects.toThrow(`record ${ledger.length + 2} of ${path}`);
  });

  it('shows that every index of every epoch counted once', () => {
    expect(audit(ledger)).toEqual([
      { epoch: 0, seen: 100, lost: [], twice: [] },
      { epoch: 1, seen: 100, lost: [], twice: [] },
    ]);
  });

  it('shows a shard that was lost and one that counted twice', () => {
    const wrong = ledger.slice();
    const [, ...lessShards] = ledger[1].shards;
    wrong[1] = { ...ledger[1], shards: lessShards };
    const again = { start: 3, length: 1, worker: 'c' };
    wrong[9] = { ...ledger[9], shards: [...ledger[9].shards, again] };
    const lost = [...plan.shardIndices(0, 1, 0), ...plan.shardIndices(0, 1, 1)];
    const twice = [...plan.shardIndices(1, 2, 3)];
    const ascending = (a: number, b: number) => a - b;
    expect(audit(wrong)).toEqual([
      { epoch: 0, seen: 92, lost: lost.sort(ascending), twice: [] },
      { epoch: 1, seen: 100, lost: [], twice: twice.sort(ascending) },
    ]);
  });

  it('shows a step that was recorded twice', () => {
    const [first, second] = audit([...ledger, ledger[0]]);
    expect(first.twice).toHaveLength(16);
    expect(second.twice).toEqual([]);
  });
});

function unexpected(error: Error): never {
  throw error;
}

async function newLog(options: Partial<AppendFileOptions> = {}) {
  const path = join(await temporaryDirectory(), 'log.ndjson');
  const log = await openAppendLog(path, { onError: unexpected, ...options });
  return { log, path };
}

type FileWrite = (batch: Buffer, offset: number, length: number, position: number) => unknown;

/** What every FileHandle of this process inherits from. */
async function fileHandlePrototype(): Promise<{ write: FileWrite }> {
  const handle = await open(join(await temporaryDirectory(), 'any'), 'w');
  await handle.close();
  return Object.getPrototypeOf(handle);
}

/** Every write takes a few bytes while there is room, then fails as a full disk does. */
async function fullDisk(freeBytes: number) {
  const prototype = await fileHandlePrototype();
  const write = prototype.write;
  let free = freeBytes;
  const spy = vi.spyOn(prototype, 'write').mockImplementation(function (
    this: unknown,
    batch,
    offset,
    length,
    position,
  ) {
    const taken = Math.min(free, length, 7);
    if (taken === 0) return Promise.reject(new Error('ENOSPC'));
    free -= taken;
    return write.call(this, batch, offset, taken, position);
  });
  onTestFinished(() => spy.mockRestore());
  return spy;
}
