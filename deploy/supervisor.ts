// Worker processes on this machine: starts them, starts them again when they die, ends them.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { exitCodes } from './exit-codes.ts';

/** What a worker shows, and wants to be shown, when it comes in. */
export interface WorkerCredentials {
  readonly token?: string;
  readonly tlsFingerprint?: string;
}

export interface SupervisorOptions {
  readonly count: number;
  readonly url: string;
  readonly credentials: WorkerCredentials;
  /** The i-th process, from 1, is called `name-i`. */
  readonly name: string;
  /** Further flags of `tutti worker`. */
  readonly flags: readonly string[];
  readonly onNotice: (message: string) => void;
  /** Told once of every process what it computes with, and why. */
  readonly onEngine: (message: string) => void;
  /** Told of every process that starts, with its place from 1. */
  readonly onStart?: (pid: number, place: number) => void;
}

export interface Supervisor {
  /** Resolves when no process is left, to the exit status of the last one. */
  readonly done: Promise<number>;
  /** Lets every worker hand its leases back and go. */
  stop(): void;
}

const launcher = fileURLToPath(new URL('./tutti.js', import.meta.url));
const restartPauseMs = 1000;
/** A process that dies this soon, this often in a row, will not live the next time either. */
const shortLifeMs = 10_000;
const maxShortLives = 3;
/** Endings that another try cannot change. */
const finalStatuses = new Set<number>(
  [exitCodes.ok, exitCodes.usage, exitCodes.engine, exitCodes.refused].map(({ status }) => status),
);

export function superviseWorkers(options: SupervisorOptions): Supervisor {
  const { count, url, credentials, name, flags, onNotice, onEngine, onStart } = options;
  const { token, tlsFingerprint } = credentials;
  // Each is one process and complains to us, whatever the environment says to commands.
  const own = ['--procs', '1', '--no-stay', '--log-format', 'text'];
  const pin = tlsFingerprint === undefined ? [] : ['--tls-fingerprint', tlsFingerprint];
  // Not as a flag: all users of a machine can see those.
  const env =
    token === undefined
      ? process.env
      : { ...process.env, TUTTI_TOKEN: token, TUTTI_TOKEN_FILE: '' };
  const children = new Map<number, ChildProcess>();
  const restarts = new Map<number, NodeJS.Timeout>();
  let isStopping = false;
  let lastStatus = 0;
  let finish: (status: number) => void = () => undefined;
  const done = new Promise<number>((resolve) => {
    finish = resolve;
  });

  const finishIfLast = (): void => {
    if (children.size === 0 && restarts.size === 0) finish(lastStatus);
  };
  const start = (place: number, shortLives: number): void => {
    restarts.delete(place);
    const startedAt = performance.now();
    const words = ['worker', url, '--name', `${name}-${place}`, ...own, ...pin, ...flags];
    const child = fork(launcher, words, { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    children.set(place, child);
    if (child.pid !== undefined) onStart?.(child.pid, place);
    child.once('message', ({ engine }: { readonly engine: string }) => {
      onEngine(`${name}-${place}: ${engine}`);
    });
    let complaint = '';
    child.stderr?.on('data', (text: Buffer) => {
      complaint = (complaint + text).slice(-2000);
    });
    child.once('exit', (status) => {
      children.delete(place);
      lastStatus = status ?? 1;
      if (isStopping || status === exitCodes.ok.status) return finishIfLast();
      const isShort = performance.now() - startedAt < shortLifeMs;
      const lives = isShort ? shortLives + 1 : 0;
      const isFinal = lives >= maxShortLives || finalStatuses.has(lastStatus);
      onNotice(`worker ${name}-${place} ${obituary(child, complaint, isFinal)}`);
      if (isFinal) return finishIfLast();
      const restart = (): void => start(place, lives);
      restarts.set(place, setTimeout(restart, restartPauseMs));
    });
  };

  for (let place = 1; place <= count; place++) start(place, 0);
  finishIfLast();
  return {
    done,
    stop: () => {
      isStopping = true;
      for (const timer of restarts.values()) clearTimeout(timer);
      restarts.clear();
      for (const child of children.values()) if (child.connected) child.send('leave');
      finishIfLast();
    },
  };
}

function obituary(
  { pid, exitCode, signalCode }: ChildProcess,
  complaint: string,
  isFinal: boolean,
): string {
  const ending = signalCode ? `was killed by ${signalCode}` : `ended with status ${exitCode}`;
  const reason = complaint.trim() === '' ? '' : `: ${complaint.trim()}`;
  const next = isFinal ? 'it is not started again' : 'starting it again';
  return `(pid ${pid}) ${ending}${reason}; ${next}`;
}
