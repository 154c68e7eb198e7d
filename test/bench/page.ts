// How the page of a run bears what it promises: many points, many workers, facts at once, a drawing read at once. Real
// coordinators serve it, to a Chromium without a screen or a graphics card.
import { loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { aligned } from '../aligned.ts';
import { type BareBrowser, openBareBrowser } from '../browser/bare-browser.ts';
import { quantile } from '../median.ts';
import { inScope, newCluster, type TestScope, temporaryFolder } from '../support.ts';
import { answerTimes } from './page-drawing.ts';
import { pointsBeside, writePastRuns } from './page-history.ts';
import { openLongRun, pointsOfItsOwn } from './page-long-run.ts';
import { openProbedPage, type ProbedPage, type Smoothness, viewport } from './page-probe.ts';
import { startCrowds } from './scale-crowds.ts';

export interface PageOptions {
  /** Of each stretch. */
  readonly seconds: number;
  /** Some of the parts; all unless told. */
  readonly only?: readonly string[];
}

/** So many at once are beside the one that trains. */
const besideCounts = [3, 10];
/** Four a second for 50 minutes. A newcomer gets 2,000 to 4,000 of them. */
const stepsOfPastRuns = 11_900;
const workers = 200;
const sortEveryMs = 500;

/** Prints a table for each part. */
export async function measurePage({ seconds, only }: PageOptions): Promise<void> {
  for (const [name, part] of Object.entries(parts)) {
    if (only !== undefined && !only.includes(name)) continue;
    await inScope(async (t) => {
      console.log(`\n${await part(t, await openBareBrowser(t), seconds)}`);
      console.log(`load of the machine: ${loadavg()[0].toFixed(1)}`);
    });
  }
}

type Part = (t: TestScope, browser: BareBrowser, seconds: number) => Promise<string>;

const parts: Readonly<Record<string, Part>> = {
  points: measurePoints,
  workers: measureWorkers,
  facts: measureFacts,
  drawing: measureDrawing,
};

async function measurePoints(t: TestScope, browser: BareBrowser, seconds: number): Promise<string> {
  const rows: string[][] = [];
  const empty = await openProbedPage(browser, 'about:blank');
  const middle = { left: 0, top: 0, ...viewport };
  rows.push(smoothRow('an empty page', await empty.measure(() => pan(empty, middle, seconds))));

  const long = await openLongRun(t);
  const alone = await openProbedPage(browser, long.url);
  await long.tellAll(alone);
  const name = `a run of ${pointsOfItsOwn.toLocaleString('en-US')} points`;
  rows.push(smoothRow(name, await panCharts(alone, seconds)));

  const cwd = temporaryFolder(t);
  const names = await writePastRuns(cwd, Math.max(...besideCounts), stepsOfPastRuns);
  const { coordinator, url } = await newCluster(t, { cwd, flags: ['--epochs=1000'] });
  await coordinator.waitForEvent('step');
  for (const count of besideCounts) {
    const some = names.slice(0, count);
    const counts = await Promise.all(some.map((each) => pointsBeside(url, each)));
    const points = counts.reduce((sum, each) => sum + each, 0).toLocaleString('en-US');
    const page = await openProbedPage(browser, `${url}/?beside=${some.join()}`);
    await page.until(`document.querySelectorAll('.legend li').length === ${count + 1}`);
    rows.push(smoothRow(`${count} runs of ${points} beside it`, await panCharts(page, seconds)));
  }
  return aligned([smoothHead('dragging, zooming'), ...rows]);
}

async function panCharts(page: ProbedPage, seconds: number): Promise<Smoothness> {
  await page.until(`document.querySelector('.u-over')`);
  const place = await page.placeOf('.u-over');
  return page.measure(() => pan(page, place, seconds));
}

/** Zooms into the middle, moves along it, shows all again; then the same again. */
async function pan(
  page: ProbedPage,
  { left, top, width, height }: { left: number; top: number; width: number; height: number },
  seconds: number,
): Promise<void> {
  const y = top + height / 2;
  const at = (part: number): number => left + part * width;
  const shift = 8;
  for (let round = 0; round < 2; round++) {
    await page.press(at(0.3), y);
    await page.repeat(seconds / 10, (part) => page.move(at(0.3 + 0.4 * part), y));
    await page.release(at(0.7), y);
    await page.press(at(0.5), y, shift);
    const swing = (part: number): number => at(0.5 + 0.4 * Math.sin(6 * Math.PI * part));
    await page.repeat((4 * seconds) / 10, (part) => page.move(swing(part), y, shift));
    await page.release(at(0.5), y, shift);
    await page.tab.evaluate(`document.querySelector('.toolbar > button')?.click()`);
  }
}

async function measureWorkers(
  t: TestScope,
  browser: BareBrowser,
  seconds: number,
): Promise<string> {
  const flags = ['--hidden=8', '--epochs=1000000', '--batch-size=256', '--shards=256'];
  const { url } = await newCluster(t, { workers: 0, flags: [...flags, '--test-samples=500'] });
  // Slow enough that this machine, which is all of theirs, has time for the page.
  startCrowds(t, { urls: [url], workers, shardMs: 500 });
  const empty = await openProbedPage(browser, 'about:blank');
  const page = await openProbedPage(browser, url);
  const rows = `document.querySelectorAll('.workers tbody tr')`;
  await page.until(`${rows}.length === ${workers} && ${rows}[0].textContent.includes('prepared')`);
  await page.tab.evaluate(`document.querySelector('.workers').scrollIntoView()`);
  const { left, top, width, height } = await page.placeOf('.workers .scroll');
  const [x, y] = [left + width / 2, top + height / 2];
  const scroll = () =>
    page.repeat(seconds, (part) => page.wheel(x, y, part % 0.2 < 0.1 ? 40 : -40));
  const scrolled = await page.measure(scroll);
  const sorted: number[] = [];
  const both = await page.measure(async () => {
    const scrolling = scroll();
    for (let at = 0; at < (1000 * seconds) / sortEveryMs; at++) {
      sorted.push(Number(await page.tab.evaluate(sortBy(at))));
      await pause(sortEveryMs);
    }
    await scrolling;
  });
  await empty.tab.send('Page.bringToFront');
  const middle = { left: 0, top: 0, ...viewport };
  const nothing = await empty.measure(() => pan(empty, middle, seconds));
  return [
    aligned([
      smoothHead(`${workers} workers`),
      smoothRow('an empty page meanwhile', nothing),
      smoothRow('scrolling', scrolled),
      smoothRow('scrolling, sorted twice a second', both),
    ]),
    `from the click to the frame with the rows in their new order: ${summary(sorted)}`,
  ].join('\n');
}

/** In the page: milliseconds until it is on screen. */
const sortBy = (column: number): string => `new Promise((resolve) => {
  const begun = performance.now();
  const heads = document.querySelectorAll('.workers thead button');
  heads[${column} % heads.length].click();
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
})`;

async function measureFacts(t: TestScope, browser: BareBrowser, seconds: number): Promise<string> {
  const { coordinator, url } = await newCluster(t, { flags: ['--epochs=100'] });
  const page = await openProbedPage(browser, url);
  await page.until(`document.querySelector('progress.whole')?.value > 0`);
  const seen = new Set((await drawnAt(page)).map(([version]) => version));
  await pause(2000 * seconds);
  const drawn = new Map(await drawnAt(page));
  const last = Math.max(...drawn.keys());
  const told = coordinator
    .eventsSoFar()
    .filter((event) => event.type === 'step')
    .filter(({ version }) => version <= last && version > Math.max(...seen));
  const late = told.map(({ version, time }) => (drawn.get(version) ?? NaN) - Date.parse(time));
  const missing = late.filter(Number.isNaN).length;
  const known = late.filter((each) => !Number.isNaN(each));
  return (
    `from the coordinator's time of a step to the frame with its point: ${summary(known)}; ` +
    `${missing} of ${told.length} only with the next one`
  );
}

async function drawnAt(page: ProbedPage): Promise<[version: number, at: number][]> {
  return (await page.tab.evaluate('probe.drawnAt()')) as [number, number][];
}

async function measureDrawing(t: TestScope, browser: BareBrowser): Promise<string> {
  const { coordinator, url } = await newCluster(t, { flags: ['--epochs=100'] });
  await coordinator.waitForEvent('step');
  const page = await openProbedPage(browser, url);
  const { times, versions } = await answerTimes(page);
  return (
    `from the pointer's event to the bars of the answer: ${summary(times)}; ` +
    `with the weights after step ${versions.join(' to ')}`
  );
}

/** Of milliseconds. */
function summary(values: readonly number[]): string {
  const [half, most] = [quantile(values, 0.5), Math.max(...values)].map((each) => each.toFixed(0));
  const p95 = quantile(values, 0.95).toFixed(0);
  return `median ${half} ms, 95th percentile ${p95} ms, longest ${most} ms of ${values.length}`;
}

function smoothHead(what: string): string[] {
  return [
    what,
    's',
    'frames/s',
    'median ms',
    'p95 ms',
    'longest ms',
    'charts drawn/s',
    'busy',
    'long tasks',
    'longest ms',
  ];
}

function smoothRow(what: string, row: Smoothness): string[] {
  return [
    what,
    row.seconds.toFixed(1),
    row.framesPerSecond.toFixed(1),
    row.median.toFixed(1),
    row.p95.toFixed(1),
    row.longest.toFixed(0),
    row.drawnPerSecond.toFixed(1),
    `${(100 * row.busy).toFixed(0)} %`,
    String(row.longTasks),
    row.longestTask.toFixed(0),
  ];
}
