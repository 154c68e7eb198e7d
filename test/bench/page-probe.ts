// A real page in a real browser, as somebody uses it: its frames, its long tasks and what it draws are counted from
// within, the mouse comes from without. Not by Playwright, which takes frames of its own.
import { setTimeout as pause } from 'node:timers/promises';
import type { BareBrowser, BareTab } from '../browser/bare-browser.ts';
import { quantile } from '../median.ts';

/** In pixels. */
export const viewport = { width: 1440, height: 900 };
/** A usual mouse tells of its place 125 times a second. */
const mouseEveryMs = 8;
const patienceMs = 60_000;

export interface Smoothness {
  readonly seconds: number;
  readonly framesPerSecond: number;
  /** Between one frame and the next, in milliseconds. */
  readonly median: number;
  readonly p95: number;
  readonly longest: number;
  /** Frames in which a chart was drawn anew, a second. */
  readonly drawnPerSecond: number;
  /** Of the page's main thread, from 0 to 1: what is left of it waits for whoever puts frames on screen. */
  readonly busy: number;
  /** Tasks that kept the page from everything else for 50 ms or longer: how many, and the longest, in milliseconds. */
  readonly longTasks: number;
  readonly longestTask: number;
}

/** Runs in the page before its own scripts: `probe` counts from `start()` to what `stop()` returns. */
const probe = `
  globalThis.probe = (() => {
    let frames = [];
    let tasks = [];
    let drawn = 0;
    let isDrawn = false;
    let isCounting = false;
    /** By committed steps, as the headline told them then: the first frame that had a chart with them. */
    const drawnAt = new Map();
    const { clearRect } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.clearRect = function (...place) {
      isDrawn = true;
      const version = document.querySelector('progress.whole')?.value;
      if (!drawnAt.has(version)) {
        drawnAt.set(version, undefined);
        requestAnimationFrame(() => drawnAt.set(version, Date.now()));
      }
      return clearRect.apply(this, place);
    };
    const watching = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
    watching.observe({ type: 'longtask' });
    const count = (now) => {
      if (!isCounting) return;
      frames.push(now);
      if (isDrawn) drawn++;
      isDrawn = false;
      requestAnimationFrame(count);
    };
    return {
      drawnAt: () => [...drawnAt].filter(([, at]) => at !== undefined),
      start() {
        watching.takeRecords();
        [frames, tasks, drawn, isCounting] = [[], [], 0, true];
        requestAnimationFrame(count);
      },
      async stop() {
        isCounting = false;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return { frames, drawn, tasks: tasks.map(({ duration }) => duration) };
      },
    };
  })();`;

interface Counted {
  readonly frames: readonly number[];
  readonly drawn: number;
  readonly tasks: readonly number[];
}

export class ProbedPage {
  readonly tab: BareTab;
  /** Buttons that are held: of DevTools, and their sum as events tell it. */
  #button: 'none' | 'left' = 'none';

  constructor(tab: BareTab) {
    this.tab = tab;
  }

  /** Resolves when this expression is true in the page; rejects when it is not for too long. */
  async until(expression: string): Promise<void> {
    const giveUpAt = performance.now() + patienceMs;
    while ((await this.tab.evaluate(`Boolean(${expression})`)) !== true) {
      if (performance.now() > giveUpAt) throw new Error(`not so in the page: ${expression}`);
      await pause(50);
    }
  }

  /** Of an element on screen, in pixels. */
  async placeOf(selector: string): Promise<Place> {
    const text = await this.tab.evaluate(`(() => {
      const { left, top, width, height } = document.querySelector('${selector}').getBoundingClientRect();
      return JSON.stringify({ left, top, width, height });
    })()`);
    return JSON.parse(String(text));
  }

  async measure(work: () => Promise<void>): Promise<Smoothness> {
    await this.tab.send('Performance.enable');
    await this.tab.evaluate('probe.start()');
    const before = await this.#taskTimes();
    await work();
    const after = await this.#taskTimes();
    const { frames, drawn, tasks } = (await this.tab.evaluate('probe.stop()')) as Counted;
    const gaps = frames.slice(1).map((at, before) => at - frames[before]);
    const seconds = (frames[frames.length - 1] - frames[0]) / 1000;
    return {
      seconds,
      framesPerSecond: gaps.length / seconds,
      median: quantile(gaps, 0.5),
      p95: quantile(gaps, 0.95),
      longest: Math.max(...gaps),
      drawnPerSecond: drawn / seconds,
      busy: (after.busy - before.busy) / (after.at - before.at),
      longTasks: tasks.length,
      longestTask: Math.max(0, ...tasks),
    };
  }

  async press(x: number, y: number, modifiers = 0): Promise<void> {
    await this.#mouse('mousePressed', x, y, {
      modifiers,
      button: 'left',
      buttons: 1,
      clickCount: 1,
    });
    this.#button = 'left';
  }

  async release(x: number, y: number, modifiers = 0): Promise<void> {
    this.#button = 'none';
    await this.#mouse('mouseReleased', x, y, { modifiers, button: 'left', clickCount: 1 });
  }

  async move(x: number, y: number, modifiers = 0): Promise<void> {
    const button = this.#button;
    const buttons = button === 'left' ? 1 : 0;
    await this.#mouse('mouseMoved', x, y, { modifiers, button, buttons });
  }

  async wheel(x: number, y: number, deltaY: number): Promise<void> {
    await this.#mouse('mouseWheel', x, y, { deltaX: 0, deltaY });
  }

  /** As often as a mouse tells of itself, whether the page keeps up or not; `part` goes from 0 to 1. */
  async repeat(seconds: number, tell: (part: number) => Promise<void>): Promise<void> {
    const begun = performance.now();
    const told: Promise<void>[] = [];
    for (let part = 0; part < 1; ) {
      part = Math.min(1, (performance.now() - begun) / (1000 * seconds));
      told.push(tell(part));
      await pause(mouseEveryMs);
    }
    await Promise.all(told);
  }

  /** In seconds. */
  async #taskTimes(): Promise<{ readonly busy: number; readonly at: number }> {
    const { metrics } = (await this.tab.send('Performance.getMetrics')) as Metrics;
    const told = (name: string): number => metrics.find((each) => each.name === name)!.value;
    return { busy: told('TaskDuration'), at: told('Timestamp') };
  }

  #mouse(type: string, x: number, y: number, more: object): Promise<unknown> {
    return this.tab.send('Input.dispatchMouseEvent', { type, x, y, ...more });
  }
}

interface Metrics {
  readonly metrics: readonly { readonly name: string; readonly value: number }[];
}

interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export async function openProbedPage(browser: BareBrowser, address: string): Promise<ProbedPage> {
  const tab = await browser.openTab('about:blank');
  await tab.send('Page.enable');
  await tab.send('Emulation.setDeviceMetricsOverride', {
    ...viewport,
    deviceScaleFactor: 1,
    mobile: false,
  });
  await tab.send('Page.addScriptToEvaluateOnNewDocument', { source: probe });
  await tab.send('Page.navigate', { url: address });
  const page = new ProbedPage(tab);
  await page.until('globalThis.probe');
  return page;
}
