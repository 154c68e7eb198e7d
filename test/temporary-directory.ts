import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder of its own for the test that calls, gone with it. */
export async function temporaryDirectory(): Promise<string> {
  const created = await mkdtemp(join(tmpdir(), 'tutti-'));
  onTestFinished(() => rm(created, { recursive: true, force: true }));
  return created;
}
