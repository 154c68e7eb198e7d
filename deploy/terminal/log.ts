// What a program says for people, as they read it or as one JSON object a line for what collects logs.
import { jsonLine, sanitize } from './format.ts';

export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

export const logFormatOption = {
  choices: logFormats,
  describe: 'json: what is printed for people, as one JSON object a line on stderr',
  default: 'text',
  group: 'Output:',
} as const;

export type LogLevel = 'info' | 'warning' | 'error';

export interface Log {
  info(message: string): void;
  warn(message: string): void;
}

/** `more` tells programs what the message is about. */
export function logLine(level: LogLevel, message: string, more: object = {}): string {
  return jsonLine({ time: new Date().toISOString(), level, message, ...more });
}

/** Text goes where it always went: news to stdout, trouble to stderr. */
export function createLog(format: LogFormat): Log {
  if (format === 'text') return { info: console.log, warn: console.error };
  const write = (level: LogLevel) => (message: string) => {
    process.stderr.write(logLine(level, sanitize(message, 2000)));
  };
  return { info: write('info'), warn: write('warning') };
}
