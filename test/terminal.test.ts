import { describe, expect, it } from 'vitest';
import { CliError, exitCodes } from '../deploy/exit-codes.ts';
import { nearest, suggestFlag } from '../deploy/suggest.ts';
import { blockLines } from '../deploy/terminal/block.ts';
import * as format from '../deploy/terminal/format.ts';
import { permanentLines } from '../deploy/terminal/lines.ts';
import { sparkline } from '../deploy/terminal/sparkline.ts';
import { plainStyle } from '../deploy/terminal/style.ts';
import { tableLines } from '../deploy/terminal/table.ts';
import { watchBlock } from '../deploy/terminal/watch-block.ts';
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
  workers,
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

  it('says what travels, and what topk costs', () => {
    const codecs = { gradients: 'topk', weights: 'bfloat16', topK: 0.01 } as const;
    const bannerWith = (more: object) =>
      linesOf({ ...run, config: { ...run.config, ...more } }).join('\n');
    expect(bannerWith({ codecs })).toContain(
      'gradients as topk, the largest 1 %, weights as bfloat16',
    );
    for (const engine of [undefined, 'onnx:cpu']) {
      const banner = bannerWith({ codecs, engine });
      expect(banner).toContain('other bits each time: what topk leaves out stays with the worker');
      expect(banner).not.toContain('same bits');
    }
  });

  it('calls a step of local steps a round', () => {
    const sync = { mode: 'local', localSteps: 16, outerLearningRate: 1, outerMomentum: 0 } as const;
    const rounds = (more: Partial<typeof sync | { outerMomentum: number }> = {}) => ({
      ...run,
      config: { ...run.config, sync: { ...sync, ...more } },
      stepsPerEpoch: 30,
      totalSteps: 600,
      fromVersion: 30,
    });
    const banner = linesOf(rounds()).join('\n');
    expect(banner).toContain(
      '2 replicas of 16 local steps of batch 64 a round, 20 epochs of 30 rounds, ' +
        'sgd rate 0.01 momentum 0.9, constant schedule',
    );
    expect(banner).toContain('after round 30 of 600');
    expect(linesOf(rounds({ outerMomentum: 0.9 })).join('')).toContain(
      ', outer rate 1 momentum 0.9, constant schedule',
    );
    const view = viewOf(rounds(), { ...step, step: 12, stepsPerEpoch: 30 });
    expect(blockLines(view, 100, plainStyle)[0]).toContain('round 12/30');
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

describe('the screen of a watcher', () => {
  const roomy = { columns: 110, rows: 30 };
  const watched = viewOf(
    run,
    worker('ready', { engine: 'onnx:cpu' }),
    epoch,
    { ...step, version: 2000, loss: 0.5, time: '2024-12-31T23:59:59.000Z' },
    { ...step, counters: { ...step.counters, bytesIn: step.counters.bytesIn + 5e6 } },
    workers,
  );

  it('shows where the run is, its curves, what came of its images, and each worker', () => {
    expect(watchBlock(watched, roomy, plainStyle)).toEqual([
      'epoch 3/20 ━━━━━━━━━━╸───────────── step 412/938 · 41,200 samples/s · ETA 34 s · 2 workers',
      'Train Loss █▁ 0.3123',
      'Train Acc  ▁▁ 91.25 %',
      'Eval Loss  ▁ 0.2101',
      'Eval Acc   ▁ 93.55 %',
      'images 26,368 seen, 0 twice, 0 lost before · 5.0 MB/s in, 0 B/s out · best Eval Acc 93.55 %',
      'worker  engine    state    samples/s  share  compute  network    used  late  refused',
      'laptop  onnx:cpu  working     30,925   75 %    13 ms     3 ms  28,140     4        0',
      'q quits, the run goes on',
    ]);
  });

  it('tells how good it is and what was refused where there are 80 columns', () => {
    expect(watchBlock(watched, { columns: 79, rows: 24 }, plainStyle).slice(5, -1)).toEqual([
      'images 26,368 seen, 0 twice, 0 lost before · 5.0 MB/s in, 0 B/s out',
      'best Eval Acc 93.55 %',
      'worker  engine    state    samples/s  compute  network    used  late  refused',
      'laptop  onnx:cpu  working     30,925    13 ms     3 ms  28,140     4        0',
    ]);
  });

  it('says what the run waits for', () => {
    const block = watchBlock(reduceView(watched, waiting), roomy, plainStyle);
    expect(block).toContain(waiting.text);
  });

  it('fits into every terminal, and is the usual block in a small one', () => {
    const [row] = workers.rows;
    const rows = Array.from({ length: 200 }, (_, at) => ({ ...row, name: `東京🚀${at}` }));
    const crowded = reduceView(reduceView(watched, { ...workers, rows }), waiting);
    for (let columns = 20; columns <= 150; columns += 3) {
      for (let height = 4; height <= 60; height += 7) {
        const lines = watchBlock(crowded, { columns, rows: height }, plainStyle);
        expect(lines.length).toBeLessThan(height);
        for (const line of lines) expect(format.widthOf(line)).toBeLessThanOrEqual(columns);
      }
    }
    expect(watchBlock(crowded, roomy, plainStyle)).toContain('and 184 more');
    expect(watchBlock(watched, { columns: 50, rows: 30 }, plainStyle)).toHaveLength(3);
  });

  it('shows nothing that strangers could command the terminal with', () => {
    const evil = '\u001b[2Jroot\u202e\r\n\u009b31m';
    const rows = workers.rows.map((row) => ({ ...row, name: evil, engine: evil }));
    const shown = watchBlock(reduceView(watched, { ...workers, rows }), roomy, plainStyle);
    expect(shown.join('')).toContain('root');
    for (const line of shown) expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('a run that is resumed', () => {
  it('keeps what was told up to where it goes on, and forgets the rest', () => {
    const later = { ...epoch, epoch: 3, version: 2814 };
    const view = viewOf(run, epoch, step, later, { ...run, fromVersion: 2288 });
    expect(view.epochs).toEqual([epoch]);
    expect(view.steps).toEqual([{ version: 2288, loss: 0.31234, accuracy: 0.9125 }]);
    expect(view.progress).toBeUndefined();
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

describe('a curve in one line', () => {
  it('rises and falls with its values', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 80)).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([3, 3, 3], 80)).toBe('▁▁▁');
    expect(sparkline([], 80)).toBe('');
  });

  it('has the means of what does not fit, and leaves out what is no number', () => {
    expect(sparkline([0, 2, 4, 6, 8, 10], 3)).toBe('▁▅█');
    expect(sparkline([0, Number.NaN, 1], 80)).toBe('▁█');
    for (let width = 1; width < 100; width++) {
      expect(sparkline(Array.from({ length: 97 }, Math.random), width)).toHaveLength(
        Math.min(97, width),
      );
    }
  });
});

describe('a table', () => {
  it('gives each column the width that it needs, and numbers their place on the right', () => {
    expect(
      tableLines(
        ['name', '>count'],
        [
          ['東京', '1'],
          ['a', '12,345'],
        ],
        plainStyle,
      ),
    ).toEqual(['name   count', '東京       1', 'a     12,345']);
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
