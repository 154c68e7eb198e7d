// Where the worker processes of a coordinator's machine run. The coordinator has the shorter turns, and everybody waits for
// it: it goes first. And where there are as many workers as processors each stays on its own, because the kernel likes to
// wake a worker where the message came from, on top of another one, while the processor next to it is idle. There nobody
// stops whom it finds at work, either: a coordinator that hears of one gradient would do so to the worker that computes
// the other, though the first one's processor is about to be idle; and a worker that hears of weights to the coordinator.
import { execFile } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Of workers, in the kernel's counting from -20 to 19: the coordinator is at 0. */
const workerPriority = 10;

/** Of evaluations, which nobody waits for: they take what workers leave. Audits must keep up with those. */
const sparePriority = 19;

/** For the calling thread, where threads have priorities of their own. Whoever wakes up takes its processor at once. */
export function giveWay(): void {
  if (process.platform !== 'linux') return;
  setPriority(sparePriority);
  try {
    const [, , thread] = readlinkSync('/proc/thread-self').split('/');
    run('chrt', ['-i', '-p', '0', thread]);
  } catch {
    // This system does not tell the thread's number.
  }
}

/** Does what this system lets us; nothing depends on it but speed. `place` counts the `count` workers from 1. */
export function settle(pid: number, place: number, count: number): void {
  try {
    setPriority(pid, workerPriority);
  } catch {
    // It is gone already, or this system has no such thing.
  }
  const own = placeOf(place, count, allowedProcessors());
  if (own === undefined) return;
  run('taskset', ['-a', '-c', '-p', `${own}`, `${pid}`]);
  for (const each of [pid, process.pid]) run('chrt', ['-b', '-p', '0', `${each}`]);
}

function run(command: string, words: readonly string[]): void {
  execFile(command, words, () => undefined);
}

/** The processor for a worker alone; undefined where the kernel has a choice to make. */
export function placeOf(
  place: number,
  count: number,
  allowed: readonly number[],
): number | undefined {
  return count > 1 && count === allowed.length ? allowed[place - 1] : undefined;
}

/** Numbers of the processors that this process may run on; none where the system does not tell. */
function allowedProcessors(): number[] {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    return parseProcessors(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '');
  } catch {
    return [];
  }
}

/** `0-2,5` is 0, 1, 2 and 5. */
export function parseProcessors(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return range === '' ? [] : Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}
