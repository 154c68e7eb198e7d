// Single keys, without a return after them.
import type { ReadStream } from 'node:tty';

/** As a terminal sends them when nobody else interprets them. */
const keys = { '\u0003': 'Ctrl-C', q: 'q' } as const;
export type Key = (typeof keys)[keyof typeof keys];

/** Nothing where there is no keyboard. Returns what gives the terminal back, which must happen. */
export function onKeys(stdin: ReadStream, press: (key: Key) => void): () => void {
  if (!stdin.isTTY) return () => undefined;
  const read = (text: string): void => {
    for (const character of text) {
      if (character in keys) press(keys[character as keyof typeof keys]);
    }
  };
  const restore = (): void => void stdin.setRawMode(false);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8').on('data', read).resume();
  process.once('exit', restore);
  return () => {
    process.off('exit', restore);
    stdin.off('data', read).pause();
    restore();
  };
}
