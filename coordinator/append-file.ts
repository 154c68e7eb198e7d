// A file that grows and never makes its writer wait: what comes gathers for one write.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from './disk.ts';

export interface AppendFileOptions {
  /** Called once an outage, with what went wrong. What came waits and are tried again. */
  readonly onError: (error: Error) => void;
  readonly batchMs?: number;
  readonly retryMs?: number;
  /** Pieces that find this much before them are lost, and that is reported. */
  readonly maxWaitingBytes?: number;
}

export interface AppendFile {
  /** A piece that is written as a whole or not at all, but for a crash. After `close` it is ignored. */
  append(piece: Uint8Array): void;
  /** True once every piece so far is durable, false when the disk refuses. Never rejects. */
  flush(): Promise<boolean>;
  /** Writes what it can, then gives up on the rest. */
  close(): Promise<void>;
  /** Size of the file, without what waits. */
  readonly bytes: number;
}

/** Goes on at the end of a file that exists. */
export async function openAppendFile(
  path: string,
  { onError, batchMs = 50, retryMs = 1000, maxWaitingBytes = 2 ** 24 }: AppendFileOptions,
): Promise<AppendFile> {
  // Not for appending: a write that failed half-way is taken up again at the same place.
  const file = await open(path, constants.O_RDWR | constants.O_CREAT);
  let bytes = (await file.stat()).size;
  await syncDirectory(dirname(path));
  let waiting: Uint8Array[] = [];
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
    append: (piece) => {
      if (closing !== undefined) return;
      if (waitingBytes + piece.length > maxWaitingBytes) {
        const isNews = !overflow;
        // First, because whoever is told may append a piece about it.
        overflow = true;
        if (isNews)
          onError(new Error(`${path}: too many pieces wait to be written; some are lost`));
        return;
      }
      waiting.push(piece);
      waitingBytes += piece.length;
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
