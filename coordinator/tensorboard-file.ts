// The curves of the run as TensorBoard reads them, written while it trains.
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { RunEvent } from '../shared/events.ts';
import { fileVersion, restart, scalars, scalarsOf } from '../shared/tensorboard.ts';
import { type AppendFileOptions, openAppendFile } from './append-file.ts';

export interface TensorboardFile {
  event(event: RunEvent): void;
  close(): Promise<void>;
}

export interface TensorboardOptions extends AppendFileOptions {
  /** Folder of the run: its name is that of the curves. */
  readonly directory: string;
  /** Committed steps that the run goes on from. */
  readonly fromVersion: number;
}

/**
 * A file of its own for each start of a coordinator: what a killed one left is not touched. A resumed run says where it
 * goes on, so that readers draw no step twice.
 */
export async function openTensorboardFile({
  directory,
  fromVersion,
  ...options
}: TensorboardOptions): Promise<TensorboardFile> {
  const wallTime = Date.now() / 1000;
  // Readers look for `tfevents` and take the files in the order of their names.
  const started = String(Math.floor(wallTime)).padStart(10, '0');
  const name = `events.out.tfevents.${started}.${hostname()}.${process.pid}`;
  const file = await openAppendFile(join(directory, name), options);
  file.append(fileVersion(wallTime));
  if (fromVersion > 0) file.append(restart({ wallTime, step: fromVersion + 1 }));
  return {
    event: (event) => {
      const values = scalarsOf(event);
      if (values === undefined || !('version' in event)) return;
      const place = { wallTime: Date.parse(event.time) / 1000, step: event.version };
      file.append(scalars(place, values));
    },
    close: file.close,
  };
}
