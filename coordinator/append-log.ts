// An append-only file of JSON lines that never makes its writer wait: lines gather for one write.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { diskReader, replaceFile, runOnDisk, syncDirectory } from './disk.ts';

export type LogRecord = Readonly<Record<string, unknown>>;

export interface AppendLogOptions {
  /** Called once an outage, with what went wrong. Lines wait and are tried again. */
  readonly onError: (error: Error) => void;
  readonly batchMs?: number;
  readonly retryMs?: number;
  /** Lines that find this much before them are lost, and that is reported. */
  readonly maxWaitingBytes?: number;
}

export interface AppendLog {
  /** Lines after `close` are ignored. */
  append(record: object): void;
  /** True once every line so far is durable, false when the disk refuses. Never rejects. */
  flush(): Promise<boolean>;
  /** Writes what it can, then gives up on the rest. */
  close(): Promise<void>;
  /** Size of the file, without the lines that wait. */
  readonly bytes: number;
}

/** A file that exists must end with a whole line: see `keepThroughVersion`. */
export async function openAppendLog(
  path: string,
  { onError, batchMs = 50, retryMs = 1000, maxWaitingBytes = 2 ** 24 }: AppendLogOptions,
): Promise<AppendLog> {
  // Not for appending: a write that failed half-way is taken up again at the same place.
  const file = await open(path, constants.O_RDWR | constants.O_CREAT);
  let bytes = (await file.stat()).size;
  await syncDirectory(dirname(path));
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<boolean> = Promise.resolve(true);
  let outage = false;
  let overflow = false;
  let closing: Promise<void> | undefined;

  const writeWaiting = async (durable: boolean): Promise<void> => {
    while (waiting.length > 0) {
      const batch = Buffer.concat(waiting);
      waiting = [batch];
      const { bytesWritten } = await file.write(batch, 0, batch.length, bytes);
      bytes += bytesWritten;
      waitingBytes -= bytesWritten;
      waiting[0] = batch.subarray(bytesWritten);
      if (waiting[0].length === 0) waiting.shift();
    }
    if (durable) await file.sync();
  };

  const attempt = async (durable: boolean): Promise<boolean> => {
    clearTimeout(timer);
    timer = undefined;
    try {
      await writeWaiting(durable);
      outage = false;
      overflow = false;
      return true;
    } catch (error) {
      const isNews = !outage;
      outage = true;
      if (closing === undefined) schedule();
      if (isNews) onError(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  };

  /** Behind the write in progress: there is never more than one. */
  const enqueue = (durable: boolean): Promise<boolean> => {
    last = last.then(() => attempt(durable));
    return last;
  };

  const schedule = (): void => {
    timer ??= setTimeout(() => void enqueue(false), outage ? retryMs : batchMs);
  };

  const shutDown = async (): Promise<void> => {
    await enqueue(true);
    await file.close();
  };

  return {
    append: (record) => {
      if (closing !== undefined) return;
      const line = Buffer.from(`${JSON.stringify(record)}\n`);
      if (waitingBytes + line.length > maxWaitingBytes) {
        const isNews = !overflow;
        // First, because whoever is told may append a line about it.
        overflow = true;
        if (isNews) onError(new Error(`${path}: too many lines wait to be written; some are lost`));
        return;
      }
      waiting.push(line);
      waitingBytes += line.length;
      schedule();
    },
    flush: () => (closing === undefined ? enqueue(true) : last),
    close: () => {
      closing ??= shutDown();
      return closing;
    },
    get bytes() {
      return bytes;
    },
  };
}

/** The whole lines of a log; what a crash tore is left out. None where there is no file. */
export async function readLog(path: string): Promise<LogRecord[]> {
  const bytes = await diskReader.read(path);
  if (bytes === undefined) return [];
  return Buffer.from(bytes).toString().split('\n').flatMap(parseLine);
}

/**
 * Takes a log back to a checkpoint: drops the torn last line and every record whose `version` is
 * above `version`, unless `isKept` speaks for it. Returns what the file now holds.
 */
export async function keepThroughVersion(
  path: string,
  version: number,
  isKept: (record: LogRecord) => boolean = () => false,
): Promise<LogRecord[]> {
  const isPast = (record: LogRecord): boolean =>
    typeof record.version !== 'number' || record.version <= version || isKept(record);
  const kept = (await readLog(path)).filter(isPast);
  const text = kept.map((record) => `${JSON.stringify(record)}\n`).join('');
  await runOnDisk(replaceFile(path, Buffer.from(text)));
  return kept;
}

function parseLine(line: string): LogRecord[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? [{ ...value }] : [];
  } catch {
    return [];
  }
}
