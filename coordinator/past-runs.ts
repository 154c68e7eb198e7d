// The runs of a folder over HTTP: what they are, what happened in them, and the files that they left. What somebody asks
// for is looked up among those, and never becomes a path.
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { takesGzip } from './block-answer.ts';
import type { Door } from './gate.ts';
import { History } from './history.ts';
import { streamEvents } from './past-events.ts';
import { answerNothing, answerText, type Route, type Visit } from './routes.ts';
import type { RunFolder, RunPaths } from './run-folder.ts';
import { createRunList, type RunSummary } from './run-list.ts';

/** Not the links, which let others in, nor checkpoints, which are for going on with a run here. */
const servedFiles = [
  'config',
  'events',
  'ledger',
  'model',
  'onnxModel',
  'curvesSvg',
  'curvesPng',
] as const satisfies readonly (keyof RunPaths)[];

/** Answers with events that are kept, compressed: one for each run that a page compares. */
const maxKept = 10;
/** Files that may be on their way at a time. */
const maxFileAnswers = 8;

type WholeRun = Exclude<RunSummary, { state: 'broken' }>;

/** `root` holds all runs, `door` is the one to them. */
export function pastRunRoutes(root: string, door: Door): Route[] {
  const list = createRunList(root);
  /** Many who ask at once are one who asks. */
  let listing: Promise<WholeRun[]> | undefined;
  const runs = (): Promise<WholeRun[]> => {
    listing ??= list()
      .then((summaries) => summaries.filter((each) => each.state !== 'broken'))
      .finally(() => {
        listing = undefined;
      });
    return listing;
  };
  const find = async (id: string): Promise<RunFolder | undefined> =>
    (await runs()).find(({ folder }) => folder.id === id)?.folder;
  const eventsOf = createEventStore();
  let fileAnswers = 0;

  const answerRuns = async ({ response }: Visit): Promise<void> => {
    const told = await Promise.all((await runs()).map(aboutRun));
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify({ runs: told }));
  };
  const answerEvents = async ({ request, response, parameters: [id] }: Visit): Promise<void> => {
    const folder = await find(id);
    if (folder === undefined) return answerNothing(response);
    const compressed = await eventsOf(folder);
    const isTaken = takesGzip(request);
    const body = isTaken ? compressed : await promisify(gunzip)(compressed);
    response.writeHead(200, {
      'content-type': 'application/x-ndjson',
      'content-length': body.length,
      ...(isTaken && { 'content-encoding': 'gzip' }),
      vary: 'accept-encoding',
      'cache-control': 'no-store',
    });
    response.end(body);
  };
  const answerFile = async ({ response, parameters: [id, name] }: Visit): Promise<void> => {
    const folder = await find(id);
    const path = folder && pathsOf(folder).find((each) => basename(each) === name);
    if (path === undefined) return answerNothing(response);
    if (fileAnswers >= maxFileAnswers) {
      response.setHeader('retry-after', 1);
      return answerText(response, 503, 'Others are fetching files: try again in a second.');
    }
    fileAnswers++;
    await sendFile(response, path, `${id}-${name}`).finally(() => fileAnswers--);
  };
  return [
    { path: '/api/v1/runs', door, answer: orFailure(answerRuns) },
    { path: /\/api\/v1\/runs\/([^/]+)\/events/, door, answer: orFailure(answerEvents) },
    {
      path: /\/api\/v1\/runs\/([^/]+)\/files\/([^/]+)/,
      door,
      answer: orFailure(answerFile),
    },
  ];
}

function pathsOf({ paths }: RunFolder): string[] {
  return servedFiles.map((name) => paths[name]);
}

async function aboutRun({ state, folder, epochs, bestAccuracy }: WholeRun): Promise<object> {
  const { id: run, created, config } = folder;
  const files = await Promise.all(
    pathsOf(folder).map(async (path) => {
      const found = await stat(path).catch(() => undefined);
      return found?.isFile() ? [{ name: basename(path), bytes: found.size }] : [];
    }),
  );
  return { run, created, state, epochs, bestAccuracy, config, files: files.flat() };
}

/** What a newcomer to the run would get, as compressed lines of JSON. Those that were asked for last are kept. */
function createEventStore(): (folder: RunFolder) => Promise<Uint8Array> {
  const kept = new Map<string, Promise<Uint8Array>>();
  return async ({ paths }) => {
    const found = await stat(paths.events).catch(() => undefined);
    const key = `${paths.events} ${found?.size} ${found?.mtimeMs}`;
    const answer = kept.get(key) ?? compressedEvents(paths.events);
    // At the end of the order again.
    kept.delete(key);
    kept.set(key, answer);
    answer.catch(() => kept.delete(key));
    if (kept.size > maxKept) kept.delete(kept.keys().next().value!);
    return answer;
  };
}

async function compressedEvents(path: string): Promise<Uint8Array> {
  const history = new History();
  for await (const event of streamEvents(path)) history.add(event);
  return promisify(gzip)(history.events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

/** As long as it is now: it may grow. */
async function sendFile(response: Visit['response'], path: string, name: string): Promise<void> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return answerNothing(response);
  try {
    const { size } = await file.stat();
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': size,
      // To be kept, not shown: a picture may come from anywhere.
      'content-disposition': `attachment; filename="${name}"`,
      'cache-control': 'no-store',
    });
    if (size === 0) response.end();
    else await pipeline(file.createReadStream({ end: size - 1 }), response);
  } finally {
    await file.close();
  }
}

/** Whoever hung up, or a disk that does not answer, is no reason to fall over. */
function orFailure(answer: (visit: Visit) => Promise<void>): Route['answer'] {
  return (visit) =>
    answer(visit).catch(() => {
      const { response } = visit;
      if (response.headersSent) response.destroy();
      else answerText(response, 500, 'The run cannot be read: see the disk of the coordinator.');
    });
}
