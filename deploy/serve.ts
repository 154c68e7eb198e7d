// A coordinator composed of its parts: the run on disk, who may come in, the evaluator's thread, the port, the reporter.
import { rm } from 'node:fs/promises';
import type { RunArchive } from '../coordinator/archive.ts';
import { startCoordinator } from '../coordinator/coordinator.ts';
import { openGate, publicGate } from '../coordinator/gate.ts';
import { writeLinks } from '../coordinator/run-links.ts';
import { type Admission, type Entry, entryOf, isLoopback, prepareAdmission } from './admission.ts';
import { auditsOf } from './audit-options.ts';
import { type Auditor, startAuditor } from './auditor.ts';
import { type Evaluator, startEvaluator } from './evaluator.ts';
import { createLinger } from './linger.ts';
import { listen } from './listen.ts';
import { openPages } from './pages/built.ts';
import { prepareRun } from './prepare-run.ts';
import { type RunLives, startRunLives } from './run-lives.ts';
import { defaultExpectWorkers } from './run-options.ts';
import type { ServeFlags } from './serve-options.ts';
import {
  limitsOf,
  originsOf,
  parseCheckpointEvery,
  refuseImpossiblePort,
} from './serve-options.ts';
import type { WorkerCredentials } from './supervisor.ts';
import { formatInteger } from './terminal/format.ts';
import type { Doors } from './terminal/invitation.ts';
import { createReporter } from './terminal/reporter.ts';

export interface Serving extends Pick<RunLives, 'localUrl' | 'done' | 'stop'> {
  /** What the worker processes of this machine need to come in. */
  readonly credentials: WorkerCredentials;
  /** A person should know. */
  notify(level: 'info' | 'warning', message: string): void;
  /** Ends the time in which a completed run can be looked at; false when there is no such time now. */
  stopLingering(): boolean;
  /** Frees the terminal, the evaluator and the run's lock; call it when the run is done. */
  close(): Promise<void>;
}

/** Prints to the process's terminal from here on. */
export async function serve(flags: ServeFlags, engine: string): Promise<Serving> {
  const checkpointEvery = parseCheckpointEvery(flags.checkpointEvery);
  refuseImpossiblePort(flags.port);
  const limits = limitsOf(flags);
  const admission = await prepareAdmission(flags);
  const prepared = await prepareRun(flags);
  const { isNew, folder, lock, dataset, start, notices } = prepared;
  const { config, id } = folder;
  const warnings = [...admission.warnings];
  let warn = (message: string): unknown => warnings.push(message);
  const { links } = folder.paths;
  const { publicHost, publicUrl, tls, isGuarded, linksLastMs, tokens } = admission;
  const entry = isGuarded ? entryOf({ path: links, linksLastMs, given: tokens, warn }) : undefined;
  const reporter = createReporter({
    stdout: process.stdout,
    stderr: process.stderr,
    logFormat: flags.logFormat,
    mode: flags.json ? 'json' : flags.quiet ? 'quiet' : 'human',
    env: process.env,
    doors: doorsOf(admission, entry, links),
  });
  const linger = createLinger(flags, (message) => reporter.say(message));
  const pages = openPages(() => reporter.say('building the pages, this once'));
  pages.catch((error: Error) => warn(error.message));
  let evaluator: Evaluator | undefined;
  let auditor: Auditor | undefined;
  const close = async (): Promise<void> => {
    reporter.close();
    await evaluator?.close();
    await auditor?.close();
    await lock.release();
  };
  try {
    const { rate, rollsBack } = auditsOf(flags, config.codecs);
    evaluator = await startEvaluator({ config, test: dataset.test, engine });
    if (rate > 0) auditor = await startAuditor({ config, train: dataset.train, engine });
    // A build beside the training would slow down both.
    await Promise.allSettled([pages]);
    const options = {
      run: id,
      config,
      dataset,
      evaluate: evaluator.evaluate,
      audits: auditor && { rate, rollsBack, audit: auditor.audit },
      host: flags.host,
      publicHost,
      publicUrl,
      tls,
      gate:
        entry?.gate ?? (publicUrl === undefined && isLoopback(flags.host) ? openGate : publicGate),
      joinToken: entry?.tokens.work,
      expectWorkers: flags.expectWorkers ?? defaultExpectWorkers,
      ...checkpointEvery,
      limits,
      sharedMemory: flags.sharedMemory,
      linger: linger.begin,
      origins: originsOf(flags),
      pages,
      runs: flags.runs,
    };
    const lives = await startRunLives({
      folder,
      start,
      rollsBack,
      begin: ({ port: former, ...parts }) =>
        former === undefined
          ? listen(flags, (port) => startCoordinator({ ...options, ...parts, port }))
          : startCoordinator({ ...options, ...parts, port: former }),
      onEvent: (event) => {
        if (event.type === 'run' && entry) keepLinks(links, entry, event.url, warn);
        reporter.event(event);
      },
      warn: (message) => warn(message),
    });
    const notify: Serving['notify'] = (level, message) =>
      void lives.log.add({ type: 'notice', level, message });
    warn = (message) => notify('warning', message);
    for (const message of [...notices, ...rateNotices(lives.archive)]) notify('info', message);
    for (const message of warnings) warn(message);
    const { localUrl, done, stop } = lives;
    const credentials = { token: entry?.ownToken, tlsFingerprint: tls?.fingerprint };
    return { localUrl, done, stop, credentials, notify, stopLingering: linger.stop, close };
  } catch (error) {
    await close();
    // Nothing came of it: it would only stand among the runs.
    if (isNew) await rm(folder.directory, { recursive: true, force: true });
    throw error;
  }
}

/** What the configuration does not tell of a resumed run. */
function rateNotices({ pastRates }: RunArchive): string[] {
  const last = pastRates.at(-1);
  if (last === undefined) return [];
  const { fromVersion, learningRate } = last;
  const since = `from step ${formatInteger(fromVersion + 1)} on`;
  return [`The learning rate was set to ${learningRate} ${since}, and the run keeps to that.`];
}

function doorsOf({ tls }: Admission, entry: Entry | undefined, file: string): Doors {
  const fingerprint = tls?.isSelfSigned ? tls.fingerprint : undefined;
  if (entry === undefined) return { kind: 'open', fingerprint };
  return { kind: 'guarded', tokens: entry.tokens, file, fingerprint };
}

/** Without the file the run goes on; only its links end with this process. */
export function keepLinks(
  path: string,
  links: Entry,
  url: string,
  warn: (message: string) => unknown,
): void {
  try {
    writeLinks(path, links, url);
  } catch (error) {
    warn(`${path} cannot be written: ${(error as Error).message}`);
  }
}
