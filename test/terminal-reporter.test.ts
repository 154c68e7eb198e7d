import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { progressLine } from '../deploy/terminal/block.ts';
import type { LogFormat } from '../deploy/terminal/log.ts';
import { createReporter, type ReporterMode } from '../deploy/terminal/reporter.ts';
import { createStyle } from '../deploy/terminal/style.ts';
import { type RunEvent, runEventSchema } from '../shared/events.ts';
import { end, epoch, everyKind, run, step, url, viewOf, worker } from './terminal-events.ts';

interface ReportOptions {
  readonly isTTY?: boolean;
  readonly env?: Record<string, string>;
  readonly logFormat?: LogFormat;
}

describe('the reporter', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function report(mode: ReporterMode, { isTTY = false, env = {}, logFormat }: ReportOptions = {}) {
    const stdout = Object.assign(new PassThrough(), { isTTY, columns: 100, rows: 30 });
    const stderr = Object.assign(new PassThrough(), { isTTY, columns: 100, rows: 30 });
    const written = { out: '', err: '' };
    stdout.on('data', (bytes) => (written.out += bytes));
    stderr.on('data', (bytes) => (written.err += bytes));
    const reporter = createReporter({ stdout, stderr, mode, env, logFormat });
    return { reporter, stdout, written, all: (events: RunEvent[]) => events.map(reporter.event) };
  }

  it('writes plain lines and no escape codes into a pipe', () => {
    const { all, written } = report('human');
    all(everyKind);
    expect(written.out).toContain(`npx tutti worker ${url}\n`);
    expect(written.out).toContain('\nepoch  1/20  Train Loss');
    expect(written.out).not.toContain('\u001b');
    expect(written.err).toBe('');
  });

  it('gives a log one progress line in ten seconds, and none for shorter epochs', () => {
    const { all, written } = report('human');
    all([run, step, step]);
    vi.advanceTimersByTime(9999);
    expect(written.out).not.toContain('step 412');
    vi.advanceTimersByTime(1);
    expect(written.out.match(/step 412\/938/g)).toHaveLength(1);
    expect(written.out).toContain(`${progressLine(viewOf(run, step))}\n`);
    all([step, epoch]);
    vi.advanceTimersByTime(60_000);
    expect(written.out.match(/step 412\/938/g)).toHaveLength(1);
  });

  it('writes what people read as lines of JSON to stderr, where that is asked for', () => {
    const { all, written, reporter } = report('human', { isTTY: true, logFormat: 'json' });
    all(everyKind);
    reporter.say('by the way');
    vi.advanceTimersByTime(10_000);
    expect(written.out).toBe('');
    const lines = written.err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    for (const { time, level, message } of lines) {
      expect(new Date(time).toISOString()).toBe(time);
      expect(level).toMatch(/^(info|warning|error)$/);
      expect(message).toMatch(/^[^\n\u001b]+$/);
    }
    expect(lines.find(({ type }) => type === 'run')).toMatchObject({
      level: 'info',
      type: 'run',
      message: expect.stringMatching(/^run \S+ at http/),
    });
    expect(lines.at(-1)).toMatchObject({ message: 'by the way' });
  });

  it('writes trouble alone as JSON, and says how bad it is', () => {
    const { all, written } = report('quiet', { logFormat: 'json' });
    all([run, step, epoch, { ...end, reason: 'diverged' }]);
    vi.advanceTimersByTime(10_000);
    expect(
      written.err
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      expect.objectContaining({ level: 'error', type: 'end', message: 'the run ended: diverged' }),
    ]);
  });

  it('leaves the events of --json as they are', () => {
    const plain = report('json');
    const logged = report('json', { logFormat: 'json' });
    plain.all(everyKind);
    logged.all(everyKind);
    expect(logged.written.out).toBe(plain.written.out);
    expect(logged.written.err).toMatch(/^\{"time":/);
  });

  it('pins the block in a terminal, redraws it ten times a second, and takes it away', () => {
    const { all, written } = report('human', { isTTY: true });
    all([run, ...Array<RunEvent>(50).fill(step)]);
    expect(written.out).not.toContain('step 412/938');
    vi.advanceTimersByTime(100);
    expect(written.out.match(/step 412\/938/g)).toHaveLength(1);
    const before = written.out.length;
    all([epoch, end]);
    const erased = written.out.slice(before, written.out.indexOf('epoch  1/20'));
    expect(erased.match(/\u001b\[2K/g)).toHaveLength(4);
    const last = written.out.lastIndexOf('step 412/938');
    expect(written.out.indexOf('Training completed')).toBeGreaterThan(last);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('fits the block again when the terminal changes its size', () => {
    const { all, stdout, written } = report('human', { isTTY: true });
    all([run, step]);
    vi.advanceTimersByTime(100);
    stdout.columns = 30;
    stdout.emit('resize');
    const before = written.out.length;
    vi.advanceTimersByTime(100);
    expect(written.out.slice(before)).toContain('epoch 3/20 step 412/938 · 41…');
  });

  it('takes away what a terminal that became narrower has wrapped', () => {
    const { all, stdout, written } = report('human', { isTTY: true });
    all([run, step]);
    vi.advanceTimersByTime(100);
    const [first, ...others] = written.out
      .split('\n')
      .slice(-4, -1)
      .map((line) => {
        return stripVTControlCharacters(line).length;
      });
    stdout.columns = 50;
    stdout.emit('resize');
    const before = written.out.length;
    all([epoch]);
    // Of the three lines the first is wider than the terminal now.
    expect([Math.ceil(first / 50), ...others.map((length) => Math.ceil(length / 50))]).toEqual([
      2, 1, 1,
    ]);
    expect(written.out.slice(before)).toMatch(/^\r(\u001b\[1A\u001b\[2K){4}epoch {2}1\/20/);
  });

  it('puts lines of its own above the block, or where people read', () => {
    const pinned = report('human', { isTTY: true });
    pinned.all([run, step]);
    vi.advanceTimersByTime(100);
    const before = pinned.written.out.length;
    pinned.reporter.say('the connection broke\u001b[2J');
    expect(pinned.written.out.slice(before)).toMatch(/the connection broke\n[\s\S]*step 412\/938/);
    for (const mode of ['json', 'quiet'] as const) {
      const { reporter, written } = report(mode);
      reporter.say('the connection broke');
      expect(written).toEqual({ out: '', err: 'the connection broke\n' });
    }
  });

  it('leaves the terminal alone after it is closed', () => {
    const { all, reporter, stdout, written } = report('human', { isTTY: true });
    all([run, step]);
    reporter.close();
    expect(written.out).toContain('step 412/938');
    const before = written.out;
    stdout.emit('resize');
    vi.runAllTimers();
    expect(written.out).toBe(before);
  });

  it('has colours in a terminal, and none there with NO_COLOR', () => {
    const colored = report('human', { isTTY: true });
    const plain = report('human', { isTTY: true, env: { NO_COLOR: '1' } });
    for (const { all } of [colored, plain]) all(everyKind);
    expect(colored.written.out).toMatch(/\u001b\[\d+m/);
    expect(plain.written.out).not.toMatch(/\u001b\[\d+m/);
  });

  it('moves no cursor in a dumb terminal', () => {
    const { all, written } = report('human', { isTTY: true, env: { TERM: 'dumb' } });
    all(everyKind);
    expect(written.out).not.toContain('\u001b');
  });

  it('gives programs every event as a line of JSON, and people their lines on stderr', () => {
    const stranger = worker('joined', { name: '\u001b[2J\u009b\u202e\u{e0041}' });
    const { all, written } = report('json');
    all([...everyKind, stranger]);
    const events = written.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events).toEqual([...everyKind, stranger]);
    for (const event of events) expect(v.is(runEventSchema, event)).toBe(true);
    expect(written.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u{e0041}]/u);
    expect(written.err).toContain('Training completed');
  });

  it('is quiet about everything but trouble', () => {
    const { all, written } = report('quiet');
    all(everyKind);
    expect(written).toEqual({ out: '', err: 'warning: disk is full\n' });
    all([{ ...end, reason: 'diverged' }]);
    expect(written.err).toContain('Training diverged');
  });

  it.each(['human', 'json'] as const)('survives a reader that goes away (%s)', (mode) => {
    for (const isTTY of [false, true]) {
      const { all, stdout, written } = report(mode, { isTTY });
      all([run]);
      const before = written.out;
      stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      all(everyKind);
      vi.runAllTimers();
      expect(written.out).toBe(before);
    }
  });
});

describe('colours', () => {
  const terminal = { isTTY: true };
  it.each([
    ['a terminal', terminal, {}, true],
    ['a pipe', {}, {}, false],
    ['NO_COLOR', terminal, { NO_COLOR: '1' }, false],
    ['an empty NO_COLOR', terminal, { NO_COLOR: '' }, true],
    ['a dumb terminal', terminal, { TERM: 'dumb' }, false],
    ['FORCE_COLOR in a pipe', {}, { FORCE_COLOR: '1' }, true],
    ['FORCE_COLOR=0', terminal, { FORCE_COLOR: '0' }, false],
  ])('%s', (_title, stream, env, hasColors) => {
    expect(createStyle(stream, env).red('x')).toBe(hasColors ? '\u001b[31mx\u001b[39m' : 'x');
  });
});
