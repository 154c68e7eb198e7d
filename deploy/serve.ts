// A coordinator composed of its parts: the run on disk, who may come in, the evaluator's thread, the port, the reporter.
import { rm } from 'node:fs/promises';
import { openArchive, type RunArchive } from '../coordinator/archive.ts';
import { type Coordinator, startCoordinator } from '../coordinator/coordinator.ts';
import { EventLog } from '../coordinator/event-log.ts';
import { type OpenPort, openPort } from '../coordinator/open-port.ts';
import type { Pages } from '../coordinator/pages.ts';
import { writeLinks } from '../coordinator/run-links.ts';
import { Starting } from '../coordinator/starting.ts';
import { type Admission, type Entry, prepareAdmission } from './admission.ts';
import { auditRateOf } from './audit-options.ts';
import { type Auditor, startAuditor } from './auditor.ts';
import { type Doorway, doorwayOf, type OwnDoor } from './doorway.ts';
import { type Evaluator, startEvaluator } from './evaluator.ts';
import { createLinger } from './linger.ts';
import { listen } from './listen.ts';
import { openPages } from './pages/built.ts';
import { type Preparing, prepareRun } from './prepare-run.ts';
import { defaultExpectWorkers } from './run-options.ts';
import type { ServeFlags } from './serve-options.ts';
import {
  limitsOf,
  originsOf,
  parseCheckpointEvery,
  refuseImpossiblePort,
} from './serve-options.ts';
import type { Supervisor } from './supervisor.ts';
import { surveyBeforeRun } from './survey.ts';
import { formatInteger } from './terminal/format.ts';
import type { Doors } from './terminal/invitation.ts';
import { createReporter } from './terminal/reporter.ts';
import { tellWatcher } from './terminal/tell-watcher.ts';

export interface Serving {
  readonly coordinator: Coordinator;
  /** Those of this machine. */
  readonly supervisor: Supervisor;
  readonly log: EventLog;
  /** Ends the time in which a completed run can be looked at; false when there is no such time now. */
  stopLingering(): boolean;
  /** Frees the terminal, the evaluator and the run's lock; call it when the coordinator is done. */
  close(): Promise<void>;
}

/** What is known before anything is loaded. */
interface Opened {
  readonly flags: ServeFlags;
  readonly engine: string;
  /** Called once, as soon as they may come. */
  readonly startWorkers: (door: OwnDoor) => Supervisor;
  readonly admission: Admission;
  readonly at: OpenPort;
  readonly starting: Starting;
}

/** Prints to the process's terminal from here on. The port is taken first, and says meanwhile what takes so long. */
export async function serve(
  flags: ServeFlags,
  engine: string,
  startWorkers: Opened['startWorkers'],
): Promise<Serving> {
  parseCheckpointEvery(flags.checkpointEvery);
  refuseImpossiblePort(flags.port);
  originsOf(flags);
  const limits = limitsOf(flags);
  const admission = await prepareAdmission(flags);
  const { tls } = admission;
  const { host } = flags;
  const starting = new Starting();
  const at = await listen(flags, (port) => openPort({ host, port, tls, limits }, starting.answer));
  try {
    return await serveAt({ flags, engine, startWorkers, admission, at, starting });
  } catch (error) {
    await at.close();
    throw error;
  }
}

async function serveAt(opened: Opened): Promise<Serving> {
  const { flags, engine, startWorkers, admission, at, starting } = opened;
  const warnings = [...admission.warnings];
  let warn = (message: string): unknown => warnings.push(message);
  let say: (message: string) => void = tellWatcher;
  const doorwayAt = (links?: string) => doorwayOf(opened, (message) => void warn(message), links);
  let opening: Promise<Pages> | undefined;
  const openOnce = (): Promise<Pages> => {
    if (opening !== undefined) return opening;
    opening = openPages(() => say('building the pages, this once'));
    opening.catch((error: Error) => warn(error.message));
    return opening;
  };
  /** From before the run, if they came to be measured. */
  let early: { readonly doorway: Doorway; readonly supervisor: Supervisor } | undefined;
  const survey: Preparing['survey'] = async (config, dataset) => {
    const doorway = doorwayAt();
    const pages = openOnce();
    await starting.during('pages', Promise.allSettled([pages]));
    early = { doorway, supervisor: startWorkers(doorway.own) };
    return surveyBeforeRun({ ...opened, ...doorway, pages, config, dataset });
  };
  const prepared = await prepareRun(flags, { starting, survey });
  const { isNew, folder, lock, dataset, start, notices } = prepared;
  const { config, id } = folder;
  const { links } = folder.paths;
  const doorway = early?.doorway ?? doorwayAt(links);
  const { entry, gate } = doorway;
  const archive = await openArchive({
    folder,
    fromVersion: start.version,
    onError: (error) => warn(`${folder.directory} cannot be written: ${error.message}`),
  });
  const log = new EventLog({ lastSeq: archive.lastSeq, past: archive.pastEvents });
  const reporter = createReporter({
    stdout: process.stdout,
    stderr: process.stderr,
    logFormat: flags.logFormat,
    mode: flags.json ? 'json' : flags.quiet ? 'quiet' : 'human',
    env: process.env,
    doors: doorsOf(admission, entry, links),
  });
  log.subscribe((event) => {
    if (event.type === 'run' && entry) keepLinks(links, entry, event.url, warn);
  });
  log.subscribe((event) => archive.appendEvent(event));
  log.subscribe((event) => reporter.event(event));
  const linger = createLinger(flags, (message) => reporter.say(message));
  say = reporter.say;
  const pages = openOnce();
  let evaluator: Evaluator | undefined;
  let auditor: Auditor | undefined;
  const close = async (): Promise<void> => {
    reporter.close();
    await evaluator?.close();
    await auditor?.close();
    await lock.release();
  };
  try {
    const auditRate = auditRateOf(flags, config.codecs);
    const forEvaluation = startEvaluator({ config, test: dataset.test, engine });
    evaluator = await starting.during('engine', forEvaluation);
    if (auditRate > 0) {
      const forAudits = startAuditor({ config, train: dataset.train, engine });
      auditor = await starting.during('engine', forAudits);
    }
    // A build beside the training would slow down both.
    await starting.during('pages', Promise.allSettled([pages]));
    const options = {
      run: id,
      config,
      dataset,
      archive,
      log,
      start,
      evaluate: evaluator.evaluate,
      audits: auditor && { rate: auditRate, audit: auditor.audit },
      host: flags.host,
      port: at.port,
      at,
      publicHost: admission.publicHost,
      publicUrl: admission.publicUrl,
      tls: admission.tls,
      gate,
      joinToken: entry?.tokens.work,
      expectWorkers: flags.expectWorkers ?? defaultExpectWorkers,
      ...parseCheckpointEvery(flags.checkpointEvery),
      limits: limitsOf(flags),
      linger: linger.begin,
      origins: originsOf(flags),
      pages,
      runs: flags.runs,
    };
    const coordinator = await startCoordinator(options);
    warn = (message) => log.add({ type: 'notice', level: 'warning', message });
    for (const message of [...notices, ...rateNotices(archive)]) {
      log.add({ type: 'notice', level: 'info', message });
    }
    for (const message of warnings) warn(message);
    const supervisor = early?.supervisor ?? startWorkers(doorway.own);
    return { coordinator, supervisor, log, stopLingering: linger.stop, close };
  } catch (error) {
    await archive.close();
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
