// Coordinators, workers and watchers as processes that come, go and fail.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { io } from 'socket.io-client';
import { afterAll, describe, expect, it } from 'vitest';
import { ownerOf } from '../coordinator/archive.ts';
import { loadLatestCheckpoint } from '../coordinator/checkpoint-folder.ts';
import { openRunFolder } from '../coordinator/run-folder.ts';
import type { RunEvent } from '../shared/events.ts';
import { protocolVersion, watchNamespace, workNamespace } from '../shared/protocol.ts';
import { socketParser } from '../shared/socket-parser.ts';
import {
  endlessRun,
  newCluster,
  quickRun,
  startTutti,
  type TestScope,
  temporaryFolder,
} from './support.ts';

/** A terminal without a person: that of util-linux has other flags than that of the BSDs. */
const hasScript = /util-linux/.test(spawnSync('script', ['--version']).stdout?.toString() ?? '');

describe('workers', () => {
  it('are waited for, at first and when all are gone, and the run goes on', async (t) => {
    const { coordinator, addWorker, end } = await newCluster(t, {
      workers: 0,
      flags: [...quickRun, '--epochs=10'],
    });
    const { text } = await coordinator.waitForEvent('waiting');
    expect(text).toBe('waiting for workers (0 of 2)');
    const first = addWorker();
    const step = await coordinator.waitForEvent('step');
    first.kill('SIGKILL');
    await coordinator.waitForEvent('waiting', ({ cause, seq }) => {
      return cause === 'workers' && seq > step.seq;
    });
    const second = addWorker();
    expect(await end()).toMatchObject({ reason: 'completed', epochs: 10, version: 320 });
    expect(await second.exit).toBe(0);
    expect(second.stdout).toContain('the run is over: completed');
  });

  it('that keep a part of their gradients may be killed, too: each sample counts once', async (t) => {
    const { coordinator, addWorker, end } = await newCluster(t, {
      workers: 0,
      flags: [...quickRun, '--epochs=10', '--codec=topk', '--top-k=0.1', '--weights-codec=int8'],
    });
    const [first] = [addWorker(), addWorker()];
    await coordinator.waitForEvent('step');
    first.kill('SIGKILL');
    addWorker();
    expect(await end()).toMatchObject({ reason: 'completed', epochs: 10, version: 320 });
    const { ledger, trainLoss } = await coordinator.waitForEvent(
      'epoch',
      ({ epoch }) => epoch === 10,
    );
    expect(ledger).toMatchObject({ lost: 0, twice: 0 });
    expect(trainLoss).toBeLessThan(Math.log(10) / 2);
  });

  it('that hang are late, and the run goes on without them', async (t) => {
    const { coordinator, addWorker, waitForWorker } = await newCluster(t, {
      workers: 0,
      flags: endlessRun,
    });
    const first = addWorker('--name=first');
    await coordinator.waitForEvent('step');
    first.kill('SIGSTOP');
    const { reason, seq } = await waitForWorker('first', 'late');
    expect(reason).toMatch(/^silent for \d+\.\d s$/);
    addWorker();
    await coordinator.waitForEvent('step', (step) => step.seq > seq);
  });

  it('stand by when they are more than a step has shards, and know it', async (t) => {
    const { coordinator, addWorker, waitForWorker } = await newCluster(t, {
      flags: [...endlessRun, '--shards=1'],
    });
    await coordinator.waitForEvent('step');
    const spare = addWorker('--name=spare');
    const { reason } = await waitForWorker('spare', 'standby');
    expect(reason).toBe('2 workers for 1 shards a step');
    await spare.waitForText(/waiting as a spare: 2 workers for 1 shards a step/);
  });

  it('of a supervisor go when asked, with their leases, and others take their place', async (t) => {
    const { coordinator, addWorker, waitForWorker } = await newCluster(t, {
      workers: 0,
      flags: endlessRun,
    });
    const lab = addWorker('--procs=2', '--name=lab');
    await waitForWorker('lab-1', 'ready');
    const { stdout } = await promisify(execFile)('pgrep', ['-P', String(lab.pid)]);
    const [first] = stdout.trim().split('\n').map(Number);
    process.kill(first, 'SIGTERM');
    const { reason, seq } = await coordinator.waitForEvent('worker', ({ action }) => {
      return action === 'left';
    });
    expect(reason).toBe('its process was asked to end');
    await coordinator.waitForEvent(
      'worker',
      (event) => event.action === 'ready' && event.seq > seq,
    );
  });

  it('of a supervisor say what they compute with, and why', async (t) => {
    const { addWorker } = await newCluster(t, { workers: 0, flags: endlessRun });
    const lab = addWorker('--procs=2', '--name=lab', '--engine=wasm');
    await lab.waitForText(/^lab-1: engine wasm:simd: \S+ samples\/s, error \S+ against the /m);
    await lab.waitForText(/^lab-2: engine wasm:simd: /m);
    const cwd = temporaryFolder(t);
    const run = startTutti(t, ['train', '--json', '--port=0', '--workers=1', ...endlessRun], {
      cwd,
    });
    const { message } = await run.waitForEvent('notice', ({ message }) =>
      /: engine /.test(message),
    );
    expect(message).toMatch(/-1: engine \S+: \S+ samples\/s, .*; (the only one|rather than) /);
  });

  it('compute with the engine that the run asks for, or do not join', async (t) => {
    const { addWorker, waitForWorker } = await newCluster(t, {
      workers: 0,
      flags: [...endlessRun, '--only-engine=reference'],
    });
    addWorker('--name=obedient');
    expect((await waitForWorker('obedient', 'ready')).engine).toBe('reference:float64');
    const other = addWorker('--name=stubborn', '--engine=onnx');
    expect(await other.exit).toBe(6);
    expect(other.stderr).toBe(
      'tutti: the run asks for the engine reference:float64; start this worker without --engine\n',
    );
  });

  it('are several with --procs, and end with the run', async (t) => {
    const { coordinator, addWorker, waitForWorker } = await newCluster(t, {
      workers: 0,
      flags: endlessRun,
    });
    const lab = addWorker('--procs=2', '--name=lab');
    await waitForWorker('lab-1', 'ready');
    await waitForWorker('lab-2', 'ready');
    coordinator.kill('SIGINT');
    expect(await lab.exit).toBe(0);
  });
});

describe('a watcher', () => {
  it('that comes late gets the whole run, as it is printed and kept', async (t) => {
    const { coordinator, url, runDirectory } = await newCluster(t, { flags: endlessRun });
    await coordinator.waitForEvent('epoch');
    const watcher = startTutti(t, ['watch', url, '--json']);
    await watcher.waitForEvent('epoch');
    coordinator.kill('SIGINT');
    expect(await watcher.exit).toBe(0);

    const printed = await coordinator.allEvents();
    expect(printed.map(({ seq }) => seq)).toEqual(printed.map((_, at) => at + 1));
    expect(printed.at(-1)).toMatchObject({ type: 'end', reason: 'stopped' });
    expect(await readFile(join(runDirectory, 'events.ndjson'), 'utf8')).toBe(coordinator.stdout);
    const seen = await watcher.allEvents();
    expect(seen.filter(isLasting)).toEqual(printed.filter(isLasting));
  });

  it('finds a coordinator that was killed and started again, and learns what it did', async (t) => {
    const { coordinator, url, port, runDirectory } = await newCluster(t, { flags: endlessRun });
    const watcher = startTutti(t, ['watch', url, '--json']);
    await watcher.waitForEvent('epoch', ({ epoch }) => epoch === 2);
    coordinator.kill('SIGKILL');
    await watcher.waitForText(/the connection broke at \S+; trying again until it works/);

    const flags = [`--resume=${runDirectory}`];
    const again = await newCluster(t, { workers: 0, flags, port });
    const isResumed = (event: RunEvent) => event.type === 'run' && event.fromVersion > 0;
    await watcher.waitForEvent('run', isResumed);
    again.coordinator.kill('SIGINT');
    expect(await watcher.exit).toBe(0);
    const seen = await watcher.allEvents();
    // Nothing comes twice, and nothing is missed.
    const seqs = seen.map(({ seq }) => seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    expect(seen.slice(seen.findIndex(isResumed)).filter(isLasting)).toEqual(
      (await again.coordinator.allEvents()).filter(isLasting),
    );
  });
});

describe.skipIf(!hasScript)('a watcher in a terminal', () => {
  it('quits with q, and the run goes on', async (t) => {
    const { coordinator, url } = await newCluster(t, { flags: endlessRun });
    await coordinator.waitForEvent('epoch');
    const { screen, press, ending } = openTerminal(t, `watch ${url}`);
    await screen(/q quits, the run goes on/);
    press('q');
    expect(await ending).toBe(0);
    await screen(/Eval Acc .*\d\d\.\d\d %/);
    const { seq } = coordinator.eventsSoFar().at(-1)!;
    await coordinator.waitForEvent('step', (step) => step.seq > seq);
  });
});

describe.skipIf(!hasScript)('a run that a person started in a terminal', () => {
  const cwd = temporaryFolder({ onTestFinished: afterAll });
  const train = `train --port=0 --workers=1 --max-steps=5 ${quickRun.join(' ')} --runs=${cwd}`;

  it('stays to be looked at when it is complete, until Ctrl-C', async (t) => {
    const { screen, press, ending } = openTerminal(t, train);
    const [, url] = await screen(/npx tutti watch (\S+)/);
    await screen(/Training completed[\s\S]*The run can be watched until Ctrl-C ends this/);
    const status = await fetch(`${url}/api/v1/status`);
    expect(await status.json()).toMatchObject({ state: 'completed', version: 5 });
    press('\u0003');
    expect(await ending).toBe(0);
  });

  it('ends with its last step when it is told to', async (t) => {
    const { screen, ending } = openTerminal(t, `${train} --exit`);
    await screen(/Training completed/);
    expect(await ending).toBe(0);
  });
});

describe('Ctrl-C', () => {
  const startTraining = (t: TestScope, cwd = temporaryFolder(t), flags = endlessRun) =>
    startTutti(t, ['train', '--json', '--port=0', '--workers=1', ...flags], { cwd });

  it('finishes the step, writes a checkpoint and tells how to go on', async (t) => {
    const training = startTraining(t);
    const { runDirectory } = await training.waitForEvent('run');
    await training.waitForEvent('step');
    training.kill('SIGINT');
    expect(await training.exit).toBe(130);
    const end = await training.waitForEvent('end');
    expect(end).toMatchObject({ reason: 'stopped', runDirectory });
    expect(training.stderr).toMatch(/Resume with: npx tutti train --resume \S+\n/);
    const folder = await openRunFolder(runDirectory);
    const { snapshot } = await loadLatestCheckpoint(folder.paths.checkpoints, ownerOf(folder));
    expect(snapshot?.version).toBe(end.version);
  });

  it('leaves a run that is offered by name, and goes on without naming it', async (t) => {
    const folder = temporaryFolder(t);
    const first = startTraining(t, folder);
    await first.waitForEvent('step');
    first.kill('SIGINT');
    const { version, runDirectory } = await first.waitForEvent('end');
    await first.exit;
    const other = startTraining(t, folder);
    const path = relative(folder, runDirectory);
    const { message } = await other.waitForEvent('notice', (notice) => {
      return notice.message.startsWith(`${path} stopped after`);
    });
    expect(message).toMatch(`go on with it: npx tutti train --resume ${path}`);
    other.kill('SIGKILL');
    await other.exit;
    await rm((await other.waitForEvent('run')).runDirectory, { recursive: true });
    const again = startTraining(t, folder, ['--resume']);
    const resumed = await again.waitForEvent('run');
    expect(resumed).toMatchObject({ runDirectory, fromVersion: version });
  });

  it('ends at once the second time, whatever holds the step up', async (t) => {
    const { coordinator, workers } = await newCluster(t, { flags: endlessRun });
    await coordinator.waitForEvent('step');
    workers[0].kill('SIGSTOP');
    coordinator.kill('SIGINT');
    await coordinator.waitForEvent('notice', ({ message }) => /Ctrl-C again/.test(message));
    coordinator.kill('SIGINT');
    expect(await coordinator.exit).toBe(130);
    expect((await coordinator.allEvents()).at(-1)).toMatchObject({ type: 'notice' });
  });
});

describe.concurrent('a stranger', () => {
  const handshake = { protocol: protocolVersion, name: 'stranger', kind: 'node' };

  it('is refused by name when it speaks another version of the protocol', async (t) => {
    const { coordinator, url } = await newCluster(t, { workers: 0 });
    const old = { ...handshake, protocol: 0 };
    expect(await knock(t, `${url}${workNamespace}`, { auth: old })).toBe('protocol');
    expect(await knock(t, `${url}${watchNamespace}`, { auth: old })).toBe('protocol');
    const { message } = await coordinator.waitForEvent(
      'notice',
      ({ level }) => level === 'warning',
    );
    expect(message).toBe(
      'refused "stranger": it speaks another version of the protocol; update tutti on both machines',
    );
  });

  it('may come from a page of the coordinator, not from one of another site', async (t) => {
    const { url } = await newCluster(t, { workers: 0 });
    const from = (origin: string) => ({ auth: handshake, extraHeaders: { origin } });
    expect(await knock(t, `${url}${workNamespace}`, from(url))).toBe('welcome');
    expect(await knock(t, `${url}${workNamespace}`, from('http://elsewhere.example'))).toBe(
      'websocket error',
    );
  });

  it('finds nothing at addresses that are none', async (t) => {
    const { url } = await newCluster(t, { workers: 0 });
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
    expect((await fetch(`${url}//`)).status).toBe(404);
    const posted = await fetch(`${url}/livez`, { method: 'POST' });
    expect([posted.status, await posted.text()]).toEqual([405, 'Ask for this with GET.\n']);
    expect(await (await fetch(`${url}/livez`)).text()).toBe('ok\n');
  });
});

/** `tutti ...` with a keyboard and a screen, which `script` pretends to be. */
function openTerminal(t: TestScope, words: string) {
  const launcher = fileURLToPath(new URL('../deploy/tutti.js', import.meta.url));
  const command = `stty rows 30 cols 100; exec ${process.execPath} ${launcher} ${words}`;
  const terminal = spawn('script', ['-qefc', command, '/dev/null'], { stdio: 'pipe' });
  t.onTestFinished(async () => void terminal.kill('SIGKILL'));
  let text = '';
  const ending = once(terminal, 'exit').then(([status]) => status as number);
  terminal.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += stripVTControlCharacters(more);
  });
  const screen = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(text);
      if (found) return found;
      await once(terminal.stdout, 'data');
    }
  };
  return { screen, press: (key: string) => terminal.stdin.write(key), ending };
}

/** Progress grows thin, and of the workers a watcher that comes late gets the latest table alone. */
function isLasting({ type }: RunEvent): boolean {
  return type !== 'step' && type !== 'workers';
}

/** What a socket is told that connects like this. */
function knock(t: TestScope, url: string, options: Parameters<typeof io>[1]): Promise<string> {
  const socket = io(url, {
    transports: ['websocket'],
    parser: socketParser,
    forceNew: true,
    reconnection: false,
    ...options,
  });
  t.onTestFinished(async () => void socket.close());
  return new Promise((resolve) => {
    socket.once('connect', () => resolve('welcome'));
    socket.once('connect_error', (error: Error & { data?: { reason: string } }) =>
      resolve(error.data?.reason ?? error.message),
    );
  });
}
