import { describe, expect, it } from 'vitest';
import { CliError, exitCodes } from '../deploy/exit-codes.ts';
import { nearest, suggestFlag } from '../deploy/suggest.ts';
import { blockLines } from '../deploy/terminal/block.ts';
import * as format from '../deploy/terminal/format.ts';
import { permanentLines } from '../deploy/terminal/lines.ts';
import { plainStyle } from '../deploy/terminal/style.ts';
import type { RunEvent } from '../shared/events.ts';
import { optimizers } from '../shared/optimizers/index.ts';
import { emptyView, reduceView } from '../shared/run-view.ts';
import {
  end,
  epoch,
  joined,
  run,
  saved,
  step,
  url,
  viewOf,
  waiting,
  warning,
  worker,
} from './terminal-events.ts';

const linesOf = (event: RunEvent) => permanentLines(event, plainStyle);

describe('the lines that stay', () => {
  it('gives an epoch one line with every figure in its column', () => {
    expect(linesOf(epoch)).toEqual([
      'epoch  1/20  Train Loss 0.5255  Train Acc 83.12 %  Eval Loss 0.2101  ' +
        'Eval Acc 93.55 %   1.9 s  31,500 samples/s',
    ]);
    const [other] = linesOf({ ...epoch, epoch: 12, trainAccuracy: 0.098, samplesPerSecond: 987 });
    expect(other).toHaveLength(linesOf(epoch)[0].length);
    expect(other).toMatch(/^epoch 12\/20 .*Train Acc {2}9\.80 % .* {5}987 samples\/s$/);
  });

  it('introduces a run with its network and the commands to join and watch it', () => {
    const banner = linesOf(run).join('\n');
    expect(banner).toContain('MNIST, 60,000 training and 10,000 test images');
    expect(banner).toContain('784-400-200-100-10 relu, 415,310 parameters');
    const model = {
      ...run.config.model,
      activation: 'gelu',
      batchNorm: true,
      dropout: 0.2,
    } as const;
    const normalized = linesOf({ ...run, config: { ...run.config, model } }).join('\n');
    expect(normalized).toContain(
      '784-400-200-100-10 gelu with batch norm and dropout 0.2, 415,310 parameters',
    );
    expect(banner).toContain(
      'batch 64 in 2 shards, 20 epochs of 938 steps, sgd rate 0.01 momentum 0.9, constant schedule',
    );
    expect(banner).toContain('gradients and weights as float32');
    expect(banner).toContain('runs/mnist-1');
    expect(banner).toContain(`\nWorkers join with: npx tutti worker ${url}\n`);
    expect(banner).toContain(`\nWatch with: npx tutti watch ${url}\n`);
    expect(banner).not.toContain('resumes');
    expect(linesOf({ ...run, fromVersion: 938 }).join('\n')).toContain('after step 938 of 18,760');
  });

  it('names the options of the optimizer that are not as usual', () => {
    const optimizer = { name: 'adamw', learningRate: 0.002, ...optimizers.adamw.defaults } as const;
    const bannerWith = (more: Partial<typeof run.config.optimizer>) =>
      linesOf({ ...run, config: { ...run.config, optimizer: { ...optimizer, ...more } } }).join('');
    expect(bannerWith({})).toContain(', adamw rate 0.002, constant schedule');
    expect(bannerWith({ weightDecay: 0, beta1: 0.8, clipNorm: 1, ema: 0.999 })).toContain(
      ', adamw rate 0.002 beta1 0.8 weight decay 0, gradients clipped to norm 1, ' +
        'weights averaged with decay 0.999, constant schedule',
    );
  });

  it('says who came and went, and why', () => {
    const reason = 'it sent three bad messages';
    expect(linesOf(worker('ready', { engine: 'onnx:cpu' }))).toEqual([
      '+ laptop is ready on onnx:cpu (1 ready)',
    ]);
    expect(linesOf(worker('expelled', { reason, workers: 0 }))).toEqual([
      '- laptop was expelled: it sent three bad messages (0 ready)',
    ]);
    expect(linesOf(worker('joined', { kind: 'tab' }))).toEqual(['+ laptop (tab) joined']);
  });

  it('ends with the result and the commands that come next', () => {
    const completed = linesOf(end).join('\n');
    expect(completed).toContain('Training completed\n');
    expect(completed).toContain('accuracy 98.20 %');
    expect(completed).toContain('sha256 0123456789ab\n');
    expect(completed).toContain('1,200,000 committed, 3,200 computed and not used');
    expect(completed).toContain('37,520 used, 90 twice, 10 late, 0 refused');
    expect(completed).toContain('npx tutti predict runs/mnist-1 idx:0');
    expect(completed).not.toContain('--resume');
    const stopped = linesOf({ ...end, reason: 'stopped', runDirectory: 'my runs/1' }).join('\n');
    expect(stopped).toContain('20 epochs, 18,760 steps');
    expect(stopped).toContain("npx tutti train --resume 'my runs/1'");
  });

  it('stays silent about steps, good checkpoints and short waits', () => {
    expect([step, saved, { ...waiting, cause: 'shard' } as const].flatMap(linesOf)).toEqual([]);
    expect(linesOf({ ...saved, error: 'no space left' })[0]).toMatch(/^warning: .*no space left/);
  });

  it('keeps what strangers write from commanding the terminal', () => {
    const evil = '\u001b[2Jroot\u202e\u200b\r\n\u009b31m\u0007';
    const shown = [
      ...linesOf(worker('left', { name: evil, reason: evil, engine: evil })),
      ...linesOf({ ...waiting, text: evil }),
      ...linesOf({ ...warning, message: evil }),
      ...linesOf({ ...run, run: evil, url: evil, runDirectory: evil }),
      ...linesOf({ ...end, message: evil, runDirectory: evil }),
      ...blockLines(viewOf(run, worker('ready', { name: evil, engine: evil })), 80, plainStyle),
      ...blockLines(viewOf(run, { ...waiting, text: evil }), 80, plainStyle),
    ];
    expect(shown.join('')).toContain('root');
    for (const line of shown) expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('the view of a run', () => {
  it('follows workers through their states', () => {
    const view = viewOf(run, joined, worker('ready', { engine: 'onnx:cpu' }), worker('late'));
    expect([...view.workers.values()]).toEqual([
      { name: 'laptop', engine: 'onnx:cpu', state: 'late' },
    ]);
    expect(reduceView(view, worker('left', { workers: 0 }))).toMatchObject({ readyWorkers: 0 });
    expect(reduceView(view, worker('left')).workers.size).toBe(0);
  });

  it('waits until the cause is none, and forgets everything when a run starts again', () => {
    expect(viewOf(run, waiting).waitingText).toBe(waiting.text);
    expect(viewOf(run, waiting, { ...waiting, cause: 'none' }).waitingText).toBeUndefined();
    expect(viewOf(run, joined, step, run)).toEqual({ ...emptyView, run });
  });

  it('leaves the view before it untouched', () => {
    const before = viewOf(run, joined);
    reduceView(before, worker('left'));
    expect(before.workers.size).toBe(1);
  });
});

describe('the pinned block', () => {
  it('shows where the run is, how it learns, and who computes', () => {
    const view = viewOf(run, worker('ready', { engine: 'onnx:cpu' }), epoch, step);
    const bar = '━━━━━━━━━━╸─────────────';
    expect(blockLines(view, 120, plainStyle)).toEqual([
      `epoch 3/20 ${bar} step 412/938 · 41,200 samples/s · ETA 34 s · 2 workers`,
      'Train Loss 0.3123 · Train Acc 91.25 % · last Eval Acc 93.55 %',
      'laptop (onnx:cpu)',
    ]);
  });

  it('shows who computes where, and which part of the epoch', () => {
    const phone = { worker: 'w2', name: 'phone', kind: 'tab', engine: 'wasm:simd' } as const;
    const contributions = { w1: 750, w2: 250 };
    const view = viewOf(run, worker('ready'), worker('ready', phone), { ...step, contributions });
    expect(blockLines(view, 120, plainStyle)[2]).toBe(
      'laptop (75 %), phone (tab, wasm:simd, 25 %)',
    );
  });

  it('says what it waits for, also before the first step', () => {
    expect(blockLines(viewOf(run, waiting), 80, plainStyle)).toEqual([
      'epoch 1/20 ──────────────────────── step 0/938 · 0 workers',
      'Train Loss - · Train Acc -',
      'waiting for workers: 0 of 2 expected',
    ]);
  });

  it('starts where a resumed run does', () => {
    const [resumed] = blockLines(viewOf({ ...run, fromVersion: 1000 }), 80, plainStyle);
    expect(resumed).toMatch(/^epoch 2\/20 .* step 62\/938/);
  });

  it('is three lines at every width, none wider than the terminal', () => {
    const name = '東京🚀'.repeat(20);
    const views = [
      viewOf(run, worker('ready', { name }), worker('joined', { worker: 'w2' }), epoch, step),
      viewOf(run, step, { ...waiting, text: 'w'.repeat(300) }),
    ];
    for (const view of views) {
      for (let columns = 20; columns <= 200; columns++) {
        const lines = blockLines(view, columns, plainStyle);
        expect(lines).toHaveLength(3);
        for (const line of lines) {
          const columnsUsed = [...line.replace(/[東京🚀]/gu, '##')].length;
          expect(columnsUsed).toBeLessThanOrEqual(columns);
        }
      }
    }
  });

  it('is gone before the run and after its end', () => {
    expect(blockLines(emptyView, 80, plainStyle)).toEqual([]);
    expect(blockLines(viewOf(run, step, end), 80, plainStyle)).toEqual([]);
  });
});

describe('formatting', () => {
  it('rounds durations to what matters at their size', () => {
    const seconds = [0.0401, 0.0996, 1.44, 9.96, 59.4, 59.6, 125, 3599.6, 3780];
    expect(seconds.map(format.formatDuration)).toEqual([
      ...['40 ms', '0.1 s', '1.4 s', '10 s', '59 s', '1 m 00 s'],
      ...['2 m 05 s', '1 h 00 m', '1 h 03 m'],
    ]);
  });

  it('counts bytes in decimal units', () => {
    const bytes = [0, 999, 1000, 1_660_000, 2.5e9];
    expect(bytes.map(format.formatBytes)).toEqual(['0 B', '999 B', '1.0 kB', '1.7 MB', '2.5 GB']);
  });

  it('draws bars in half steps, whatever the fraction', () => {
    expect(format.formatBar(0.5625, 8)).toBe('━━━━╸───');
    expect(format.formatBar(0.999, 4)).toBe('━━━╸');
    expect([-1, 0, 1, 7].map((fraction) => format.formatBar(fraction, 3))).toEqual([
      ...['───', '───', '━━━', '━━━'],
    ]);
  });

  it('removes from text what a terminal would act on', () => {
    expect(format.sanitize('a\u001b[2Jb\u0000c')).toBe('abc');
    expect(format.sanitize('\u202eevil\u2066\u200b\ufeff\u00ad\ufff9')).toBe('evil');
    expect(format.sanitize('two\r\nlines\u2028more')).toBe('two lines more');
    expect(format.sanitize('\u001b]0;title\u0007ok')).toBe('ok');
    expect(format.sanitize('Zoë 東京')).toBe('Zoë 東京');
    expect(format.sanitize('x'.repeat(9), 4)).toBe('xxx…');
    expect(format.formatName('n'.repeat(500))).toHaveLength(40);
    expect(format.formatName('\u200b\u202e')).toBe('unnamed');
  });
});

describe('suggestions', () => {
  const flags = ['batch-size', 'epochs', 'learning-rate', 'lr', 'h', 'resume'];
  it.each([
    ['--batchsize', '--batch-size'],
    ['--BATCH_SIZE', '--batch-size'],
    ['--epoch', '--epochs'],
    ['--leraning-rate', '--learning-rate'],
    ['lt', '--lr'],
    ['--x', undefined],
    ['--dashboard', undefined],
  ])('%s: %s', (typed, meant) => {
    expect(suggestFlag(typed, flags)).toBe(meant);
  });

  it('knows other words too', () => {
    expect(nearest('tarin', ['train', 'worker', 'watch'])).toBe('train');
  });
});

describe('exit codes', () => {
  it('differ, and an error carries its name, hint and cause', () => {
    const statuses = Object.values(exitCodes).map(({ status }) => status);
    expect(new Set(statuses).size).toBe(statuses.length);
    const cause = new Error('EADDRINUSE');
    const error = new CliError('address', 'port 7070 is in use', { hint: 'use --port 0', cause });
    expect(error).toMatchObject({ code: 'address', hint: 'use --port 0', cause });
    expect(exitCodes[error.code].status).toBe(4);
  });
});
