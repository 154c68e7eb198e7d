// Options from flags, the environment and a file: which of them counts, and what is said of those that cannot.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { train } from '../deploy/commands/train.ts';
import { worker } from '../deploy/commands/worker.ts';
import { CliError } from '../deploy/exit-codes.ts';
import { unknownVariables } from '../deploy/settings/environment.ts';
import { optionsOf } from '../deploy/settings/options.ts';
import { settingsText } from '../deploy/settings/print.ts';
import { besidesFlags, readSettings, toldByOrigin } from '../deploy/settings/settings.ts';
import { runTutti, temporaryFolder } from './support.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const all = optionsOf([train, worker]);
const settingsOf = (env: Record<string, string>, ...words: string[]) =>
  readSettings(train, { words: ['train', ...words], env, all });

async function fileOf(content: unknown): Promise<string> {
  const path = join(await temporaryDirectory(), 'tutti.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('an option', () => {
  it('is taken from a flag, else from the environment, else from the file', async () => {
    const config = await fileOf({ epochs: 1, seed: 1, 'batch-size': 1 });
    const env = { TUTTI_CONFIG: config, TUTTI_EPOCHS: '2', TUTTI_SEED: '2' };
    const settings = settingsOf(env, '--epochs=3');
    expect(settings.get('epochs')).toEqual({ value: 3, origin: { kind: 'flag' } });
    expect(besidesFlags(settings)).toEqual({ config, seed: 2, 'batch-size': 1 });
  });

  it('is given by its other name and by its negation, too', () => {
    const env = { TUTTI_LEARNING_RATE: '0.2', TUTTI_SHUFFLE: 'true' };
    expect(besidesFlags(settingsOf(env, '--lr', '0.3', '--no-shuffle'))).toEqual({});
  });

  it.each([
    ['TUTTI_JSON', 'yes', { json: true }],
    ['TUTTI_JSON', '0', { json: false }],
    ['TUTTI_BATCH_SIZE', '128', { 'batch-size': 128 }],
    ['TUTTI_HIDDEN', '400,200', { hidden: '400,200' }],
    ['TUTTI_ALLOW_ORIGIN', 'http://a, http://b', { 'allow-origin': ['http://a', 'http://b'] }],
    ['TUTTI_CODEC', 'int8', { codec: 'int8' }],
    ['TUTTI_SEED', '', {}],
  ])('is read from %s=%s', (name, text, expected) => {
    expect(besidesFlags(settingsOf({ [name]: text }))).toEqual(expected);
  });

  it.each([
    ['TUTTI_JSON', 'maybe', 'TUTTI_JSON: expected true or false, got "maybe".'],
    ['TUTTI_BATCH_SIZE', 'many', 'TUTTI_BATCH_SIZE: expected a number, got "many".'],
    ['TUTTI_OPTIMIZER', 'sdg', 'TUTTI_OPTIMIZER: expected one of sgd, adam, adamw, got "sdg".'],
  ])('is refused by name in %s=%s', (name, text, message) => {
    expect(() => settingsOf({ [name]: text })).toThrow(message);
  });

  it('with a value out of range is told of by where it was written', async () => {
    const path = await fileOf({ epochs: 0 });
    const error = new CliError('usage', '--epochs: expected more.', { hint: 'Do.' });
    expect(toldByOrigin(error, settingsOf({ TUTTI_CONFIG: path }))).toMatchObject({
      code: 'usage',
      message: `${path}: --epochs: expected more.`,
      hint: 'Do.',
    });
    expect(toldByOrigin(error, settingsOf({}, '--epochs=0'))).toBe(error);
  });
});

describe('a configuration file', () => {
  it('may hold what other commands take', async () => {
    const config = await fileOf({ procs: 4, epochs: 2, 'checkpoint-every': 500 });
    expect(besidesFlags(settingsOf({}, `--config=${config}`))).toEqual({
      epochs: 2,
      'checkpoint-every': '500',
    });
  });

  it.each<[content: unknown, message: string | RegExp, hint: string | undefined]>([
    [{ batchsize: 3 }, '"batchsize" in', 'without their dashes. Did you mean batch-size?'],
    [{ qqqqqq: 3 }, '"qqqqqq" in', 'Keys are the names of flags without their dashes.'],
    [{ 'batch-size': '3' }, 'tutti.json: expected a number, got "3".', undefined],
    [{ shuffle: 1 }, 'tutti.json: expected true or false, got 1.', undefined],
    [{ data: {} }, 'tutti.json: expected a text, got {}.', undefined],
    [{ token: 'k7wq2m' }, 'tokens are kept apart from options.', 'Use TUTTI_TOKEN'],
    [[1], 'cannot be used: it is not one JSON object.', undefined],
    ['{', /cannot be used: .*JSON/, undefined],
  ])('is refused for %j', async (content, message, hint) => {
    const path = await fileOf(content);
    const reading = (): unknown => settingsOf({}, `--config=${path}`);
    expect(reading).toThrow(message);
    if (hint !== undefined) {
      expect(reading).toThrow(expect.objectContaining({ hint: expect.stringContaining(hint) }));
    }
  });

  it('that is not there is an error', () => {
    expect(() => settingsOf({}, '--config=nowhere.json')).toThrow(
      '--config: nowhere.json cannot be used: ENOENT',
    );
  });
});

describe('the environment', () => {
  it('is asked for what was mistyped in it', () => {
    const env = { TUTTI_BACH_SIZE: '3', TUTTI_PROCS: '4', TUTTI_TOKEN: 'x', PATH: '/' };
    expect(unknownVariables(all, env)).toEqual([
      'TUTTI_BACH_SIZE is no option of tutti. Did you mean TUTTI_BATCH_SIZE?',
    ]);
  });

  it('warns and goes on', async (t) => {
    const env = { TUTTI_RUN: 'x' };
    const { status, stderr } = await runTutti(t, ['runs', 'ls'], { env });
    expect(status).toBe(0);
    expect(stderr).toBe('TUTTI_RUN is no option of tutti. Did you mean TUTTI_RUNS?\n');
  });

  it('counts where a command runs, and its complaints name it', async (t) => {
    const env = { TUTTI_BATCH_SIZE: '0', TUTTI_LOG_FORMAT: 'json' };
    const { status, stderr } = await runTutti(t, ['train'], { env });
    expect(status).toBe(2);
    expect(JSON.parse(stderr)).toEqual({
      time: expect.any(String),
      level: 'error',
      message: 'TUTTI_BATCH_SIZE: --batch-size: expected a whole number from 1, got 0.',
    });
  });

  it('has its token looked at after that of a link, and not as a flag', () => {
    const env = { TUTTI_TOKEN: 'k7wq2m', TUTTI_PROCS: '2' };
    const settings = readSettings(worker, { words: ['worker', 'http://x'], env, all });
    expect(besidesFlags(settings)).toEqual({ procs: 2 });
  });

  it('does not keep anybody from the help', async (t) => {
    const env = { TUTTI_BATCH_SIZE: 'many' };
    expect(await runTutti(t, ['train', '--help'], { env })).toMatchObject({ status: 0 });
  });
});

describe('--print-config', () => {
  it('shows every option, its value and where it comes from, and no token', async (t) => {
    const cwd = temporaryFolder(t);
    await writeFile(join(cwd, 'tutti.json'), '{"procs": 4}');
    const env = { TUTTI_TOKEN: 'k7wq2mk7wq2mk7wq2mk7wq2mk7', TUTTI_ENGINE: 'wasm' };
    const words = ['worker', 'http://x', '--config=tutti.json', '--name=Ada', '--print-config'];
    const { status, stdout } = await runTutti(t, words, { cwd, env });
    expect(status).toBe(0);
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(rows).toEqual([
      ['option', 'value', 'from'],
      ['procs', '4', 'tutti.json'],
      ['name', 'Ada', 'flag'],
      ['token', '(secret)', 'TUTTI_TOKEN'],
      ['token-file', '-', 'default'],
      ['tls-fingerprint', '-', 'default'],
      ['engine', 'wasm', 'TUTTI_ENGINE'],
      ['cache', "the user's cache folder", 'default'],
      ['stay', '-', 'default'],
      ['log-format', 'text', 'default'],
      ['config', 'tutti.json', 'flag'],
    ]);
  });

  it('shows a token of a flag as little', () => {
    const words = ['worker', 'http://x', '--token=k7wq2m'];
    const settings = readSettings(worker, { words, env: {}, all });
    expect(settingsText(worker, settings)).toMatch(/\ntoken +\(secret\) +flag\n/);
  });
});
