import { readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { acquireRunLock } from '../coordinator/run-lock.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const { link, realLink } = await vi.hoisted(async () => {
  const { link: realLink } = await import('node:fs/promises');
  return { link: vi.fn(realLink), realLink };
});
vi.mock('node:fs/promises', async (original) => ({ ...(await original()), link }));

/** Above the largest that Linux gives out. */
const gonePid = 2 ** 22 + 1;

describe('the lock of a run', () => {
  it('lets one in at a time', async () => {
    const directory = await temporaryDirectory();
    const lock = await acquireRunLock(directory);
    await expect(acquireRunLock(directory)).rejects.toThrow(
      `${directory} is in use by process ${process.pid}. Stop that coordinator first`,
    );
    await lock.release();
    const next = await acquireRunLock(directory);
    await next.release();
    expect(await readdir(directory)).toEqual(['lock-2']);
  });

  it('is taken over from a process that is gone', async () => {
    const directory = await temporaryDirectory();
    await leaveLock(directory, { pid: gonePid });
    await acquireRunLock(directory);
    await expect(acquireRunLock(directory)).rejects.toThrow(`in use by process ${process.pid}`);
  });

  it.runIf(process.platform === 'linux')(
    'is taken over from an earlier process of the same number',
    async () => {
      const directory = await temporaryDirectory();
      await leaveLock(directory, { start: 'another boot:1' });
      await acquireRunLock(directory);
      await expect(acquireRunLock(directory)).rejects.toThrow(`in use by process ${process.pid}`);
    },
  );

  it('is taken over when it lost its content', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'lock-7'), '\0\0\0\0');
    await acquireRunLock(directory);
    expect(await readdir(directory)).toEqual(['lock-8']);
  });

  it('goes to one only, however many find it stale', async () => {
    for (let round = 0; round < 20; round++) {
      const directory = await temporaryDirectory();
      await leaveLock(directory, { pid: gonePid });
      const takers = Array.from({ length: 12 }, () => acquireRunLock(directory));
      const outcomes = await Promise.allSettled(takers);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }
  });

  it('is not for one who saw it stale and then slept while others came and went', async () => {
    const directory = await temporaryDirectory();
    await leaveLock(directory, { pid: gonePid });
    let wake = () => {};
    const nap = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const isAsleep = new Promise<void>((resolve) => {
      link.mockImplementationOnce(async (from, to) => {
        resolve();
        await nap;
        await realLink(from, to);
      });
    });
    const late = acquireRunLock(directory);
    await isAsleep;
    await (await acquireRunLock(directory)).release();
    await acquireRunLock(directory);
    wake();
    await expect(late).rejects.toThrow('in use by process');
    expect(await readdir(directory)).toEqual(['lock-3']);
  });

  it('stays with a holder on another computer, whose life nobody here can tell', async () => {
    const directory = await temporaryDirectory();
    await leaveLock(directory, { host: 'elsewhere' });
    await expect(acquireRunLock(directory)).rejects.toThrow(
      'on the computer elsewhere. ' +
        'Stop that coordinator first; if it is gone already, start with --take-over.',
    );
  });

  it('passes to who knows that the other computer is gone, and from nobody who lives here', async () => {
    const directory = await temporaryDirectory();
    await leaveLock(directory, { host: 'elsewhere' });
    await acquireRunLock(directory, { takeOver: true });
    await expect(acquireRunLock(directory, { takeOver: true })).rejects.toThrow(
      `in use by process ${process.pid}`,
    );
  });

  async function leaveLock(directory: string, change: object): Promise<void> {
    const holder = { pid: process.pid, host: hostname(), ...change };
    await writeFile(join(directory, 'lock-1'), JSON.stringify(holder));
  }
});
