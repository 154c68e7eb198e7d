// A file of JSON lines that grows, and how it is read and taken back.
import { type AppendFile, type AppendFileOptions, openAppendFile } from './append-file.ts';
import { diskReader, replaceFile, runOnDisk } from './disk.ts';

export type LogRecord = Readonly<Record<string, unknown>>;

export interface AppendLog extends Omit<AppendFile, 'append'> {
  /** Lines after `close` are ignored. */
  append(record: object): void;
}

/** A file that exists must end with a whole line: see `keepThroughVersion`. */
export async function openAppendLog(path: string, options: AppendFileOptions): Promise<AppendLog> {
  const file = await openAppendFile(path, options);
  return {
    append: (record) => file.append(Buffer.from(`${JSON.stringify(record)}\n`)),
    flush: file.flush,
    close: file.close,
    get bytes() {
      return file.bytes;
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

/** None for what is no whole line. */
export function parseLine(line: string): LogRecord[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? [{ ...value }] : [];
  } catch {
    return [];
  }
}
