// Everything that a run leaves on disk, behind the few calls that training makes.

import { modelOf } from '../shared/config.ts';
import type { RunEvent } from '../shared/events.ts';
import { appendDurably } from './append-durably.ts';
import { type AppendLog, keepThroughVersion, openAppendLog, readLog } from './append-log.ts';
import type { CheckpointOwner, Snapshot } from './checkpoint.ts';
import { storeCheckpoint } from './checkpoint-store.ts';
import { writeCurves } from './curve-files.ts';
import { diskReader } from './disk.ts';
import { parseRateChanges, type RateChange } from './learning-rates.ts';
import { type LedgerRecord, parseLedger } from './ledger.ts';
import { parseEvents } from './past-events.ts';
import { configHash, type RunFolder, writeFinalModel } from './run-folder.ts';
import { openTensorboardFile } from './tensorboard-file.ts';

export interface RunArchive {
  readonly directory: string;
  /** The events of a resumed run go on after this number; 0 for a new run. */
  readonly lastSeq: number;
  /** What was told and committed before the run was resumed. */
  readonly pastEvents: readonly RunEvent[];
  readonly pastLedger: readonly LedgerRecord[];
  /** All that were made so far, also those for steps that the run was taken back from: they will come again. */
  readonly pastRates: readonly RateChange[];
  appendLedger(record: LedgerRecord): void;
  appendEvent(event: RunEvent): void;
  /** Durable when it returns; throws when the disk refuses, and then nothing was written. */
  recordRate(change: RateChange): void;
  /** Resolves to its path once it is durable, and the ledger and the events before it are. */
  saveCheckpoint(snapshot: Snapshot): Promise<string>;
  /** And the curves that led to it. */
  writeModel(weights: Float32Array): Promise<void>;
  close(): Promise<void>;
}

export interface ArchiveOptions {
  readonly folder: RunFolder;
  /** Version that the run goes on from: lines about later steps are removed, they will come again. */
  readonly fromVersion: number;
  /** The run may have to go back further than a crash takes it. */
  readonly keepsPast?: boolean;
  /** The disk refuses; training goes on. */
  readonly onError: (error: Error) => void;
}

export function ownerOf(folder: RunFolder): CheckpointOwner {
  const { id: run, config } = folder;
  return { model: modelOf(config), run, configHash: configHash(config) };
}

export async function openArchive(options: ArchiveOptions): Promise<RunArchive> {
  const { folder, fromVersion, keepsPast, onError } = options;
  const { directory, paths } = folder;
  const owner = ownerOf(folder);
  const lastSeq = await lastSeqOf(paths.events);
  const keptLedger = await keepThroughVersion(paths.ledger, fromVersion);
  const keptEvents = await keepThroughVersion(paths.events, fromVersion);
  const ledger = await openAppendLog(paths.ledger, { onError });
  const events = await openAppendLog(paths.events, { onError });
  const tensorboard = await openTensorboardFile({ directory, fromVersion, onError });
  const pastEvents = parseEvents(keptEvents);
  const epochs = pastEvents.filter((event) => event.type === 'epoch');
  const flush = async (log: AppendLog): Promise<void> => {
    if (!(await log.flush())) throw new Error('the disk takes no more lines of the run’s log');
  };
  return {
    directory,
    lastSeq,
    pastEvents,
    pastLedger: parseLedger(keptLedger, paths.ledger),
    pastRates: parseRateChanges(await readLog(paths.rates), paths.rates),
    recordRate: (change) => appendDurably(paths.rates, change),
    appendLedger: (record) => ledger.append(record),
    appendEvent: (event) => {
      events.append(event);
      tensorboard.event(event);
      if (event.type === 'epoch') epochs.push(event);
    },
    saveCheckpoint: async (snapshot) => {
      await flush(ledger);
      await flush(events);
      return storeCheckpoint({ directory: paths.checkpoints, snapshot, owner, keepsPast });
    },
    writeModel: async (weights) => {
      await writeFinalModel(folder, weights);
      // A picture is not worth an ending that says that something went wrong.
      await writeCurves(folder, epochs).catch(onError);
    },
    close: async () => {
      await ledger.close();
      await events.close();
      await tensorboard.close();
    },
  };
}

const seqsAStart = 1_000_000;

/**
 * Each start of a coordinator numbers from the next million on: of what a killed one told its watchers last, nobody
 * knows how much reached the disk, and no number may mean two events.
 */
async function lastSeqOf(path: string): Promise<number> {
  if ((await diskReader.read(path)) === undefined) return 0;
  const events = parseEvents(await readLog(path));
  const last = events.reduce((highest, { seq }) => Math.max(highest, seq), 0);
  return (Math.floor(last / seqsAStart) + 1) * seqsAStart;
}
