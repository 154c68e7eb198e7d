// Where worker processes run: decided for any machine, done to a process of this one.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { describe, expect, it } from 'vitest';
import { parseProcessors, placeOf, settle } from '../deploy/core-places.ts';
import type { TestScope } from './support.ts';

it.each([
  ['', []],
  ['0', [0]],
  ['0-3', [0, 1, 2, 3]],
  ['0-2,5', [0, 1, 2, 5]],
  ['1,3,8-9', [1, 3, 8, 9]],
])('the list "%s" names processors %j', (list, processors) => {
  expect(parseProcessors(list)).toEqual(processors);
});

it.each([
  ['each its own where there are as many', [2, [4, 6]], [4, 6]],
  ['none where there are fewer workers', [2, [0, 1, 2]], [undefined, undefined]],
  ['none where there are more', [3, [0, 1]], [undefined, undefined, undefined]],
  ['none where a worker is alone', [1, [0]], [undefined]],
  ['none where the system does not tell', [2, []], [undefined, undefined]],
] as const)('workers have %s', (_, [count, allowed], places) => {
  expect(places.map((_place, at) => placeOf(at + 1, count, allowed))).toEqual(places);
});

const own = process.platform === 'linux' ? allowedOf('self') : [];
const has = (command: string) => spawnSync(command, ['--version']).status === 0;

describe.skipIf(process.platform !== 'linux')('a process that is settled', () => {
  it('goes after those who are not', (t) => {
    const { pid } = newProcess(t);
    settle(pid, 1, own.length + 1);
    expect(getPriority(pid)).toBeGreaterThan(getPriority());
    expect(allowedOf(pid)).toEqual(own);
  });

  it('stays on a processor of its own where there is one for each', async (t) => {
    if (!has('taskset')) return t.skip('taskset is not here');
    if (own.length < 2) return t.skip('there is one processor');
    for (const [at, processor] of own.entries()) {
      const { pid } = newProcess(t);
      settle(pid, at + 1, own.length);
      await expect.poll(() => allowedOf(pid)).toEqual([processor]);
    }
  });

  it('is not stopped by others that wake up on its processor, and stops no others', async (t) => {
    if (!has('chrt')) return t.skip('chrt is not here');
    if (own.length < 2) return t.skip('there is one processor');
    const { pid } = newProcess(t);
    // Whoever was settled by an earlier test hands it on.
    for (const each of [pid, process.pid]) {
      spawnSync('chrt', ['-o', '-p', '0', `${each}`]);
      expect(policyOf(each)).toBe(policies.normal);
    }
    settle(pid, 1, own.length);
    for (const each of [pid, process.pid]) {
      await expect.poll(() => policyOf(each)).toBe(policies.batch);
    }
  });

  it('that gives way leaves its processor to whoever wakes up', async (t) => {
    if (!has('chrt')) return t.skip('chrt is not here');
    const module = new URL('../deploy/core-places.ts', import.meta.url);
    const { pid } = newProcess(t, `import('${module}').then(({ giveWay }) => giveWay())`);
    await expect.poll(() => policyOf(pid), { timeout: 30_000 }).toBe(policies.idle);
    expect(getPriority(pid)).toBe(19);
  });

  it('may be gone already', async (t) => {
    const child = newProcess(t);
    child.kill();
    await child.isGone;
    settle(child.pid, 1, own.length);
  });
});

/** In the kernel's counting. */
const policies = { normal: 0, batch: 3, idle: 5 };

/** Of its first thread. See proc(5): the 41st number, where the 2nd, a name in brackets, may have spaces. */
function policyOf(pid: number): number {
  const [, numbers] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  return Number(numbers.split(' ')[41 - 3]);
}

/** Does what it is told to, and then nothing, until it is killed. */
function newProcess(t: TestScope, script = '') {
  const words = ['--import', 'tsx', '-e', `${script}; process.stdin.resume()`];
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'ignore', 'ignore'] });
  const isGone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = (): void => void child.kill('SIGKILL');
  t.onTestFinished(async () => {
    kill();
    await isGone;
  });
  return { pid: child.pid!, isGone, kill };
}

function allowedOf(process: number | 'self'): number[] {
  const status = readFileSync(`/proc/${process}/status`, 'utf8');
  return parseProcessors(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)![1]);
}
