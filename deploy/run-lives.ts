// One coordinator after the other for the same run: where audits take it back, the next goes on from there, as after a crash.
import { openArchive, type RunArchive } from '../coordinator/archive.ts';
import type { Snapshot } from '../coordinator/checkpoint.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import { EventLog } from '../coordinator/event-log.ts';
import { rollBack } from '../coordinator/rollback.ts';
import type { RunFolder } from '../coordinator/run-folder.ts';
import type { RunEvent, RunEventOf } from '../shared/events.ts';

/** What a coordinator gets that no other coordinator of the run has. */
export interface LifeParts {
  readonly archive: RunArchive;
  readonly log: EventLog;
  readonly start: Snapshot;
  /** That of the coordinator before; undefined for the first. */
  readonly port?: number;
}

export interface RunLivesOptions {
  readonly folder: RunFolder;
  /** Where the first one goes on from. */
  readonly start: Snapshot;
  /** It may have to go back. */
  readonly rollsBack: boolean;
  /** Rejects when it cannot listen. */
  readonly begin: (parts: LifeParts) => Promise<Coordinator>;
  /** Told of every event of the run, before anybody else is. */
  readonly onEvent: (event: RunEvent) => void;
  /** A person should know; also before there is a log. */
  readonly warn: (message: string) => void;
}

export interface RunLives {
  /** For workers on this machine. */
  readonly localUrl: string;
  /** All that was done before the run was resumed. */
  readonly archive: RunArchive;
  /** Settles when the run has ended, whoever coordinated it last. */
  readonly done: Promise<RunEventOf<'end'>>;
  /** Of this moment. */
  readonly log: EventLog;
  /** Finishes the step in progress and writes a checkpoint; `done` settles after that. */
  stop(): void;
}

interface Life {
  readonly coordinator: Coordinator;
  readonly archive: RunArchive;
  readonly log: EventLog;
}

/** Rejects when the first one cannot listen. */
export async function startRunLives(options: RunLivesOptions): Promise<RunLives> {
  const { folder } = options;
  const first = await begin(options, { start: options.start });
  let life = first;
  let isStopping = false;
  const goOn = async (): Promise<RunEventOf<'end'>> => {
    for (;;) {
      const { coordinator } = life;
      const { undone, steered, port } = coordinator;
      const ending = await Promise.race([coordinator.done, undone.then((liars) => ({ liars }))]);
      if (!('liars' in ending)) return ending;
      const { start, notice } = await rollBack(folder, ending.liars);
      life = await begin(options, { start, port });
      life.log.add({ type: 'notice', level: 'warning', message: notice });
      const { pausedBy: by } = steered.core;
      if (by !== undefined) life.coordinator.steered.dispatch({ type: 'pause', by });
      if (isStopping) life.coordinator.stop();
    }
  };
  return {
    localUrl: first.coordinator.localUrl,
    archive: first.archive,
    done: goOn(),
    get log() {
      return life.log;
    },
    stop: () => {
      isStopping = true;
      life.coordinator.stop();
    },
  };
}

async function begin(
  { folder, rollsBack, begin: start, onEvent, warn }: RunLivesOptions,
  parts: Pick<LifeParts, 'start' | 'port'>,
): Promise<Life> {
  const archive = await openArchive({
    folder,
    fromVersion: parts.start.version,
    keepsPast: rollsBack,
    onError: (error) => warn(`${folder.directory} cannot be written: ${error.message}`),
  });
  const log = new EventLog({ lastSeq: archive.lastSeq, past: archive.pastEvents });
  log.subscribe(onEvent);
  log.subscribe((event) => archive.appendEvent(event));
  try {
    return { coordinator: await start({ ...parts, archive, log }), archive, log };
  } catch (error) {
    await archive.close();
    throw error;
  }
}
