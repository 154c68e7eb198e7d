// A word to whoever sits at the terminal and waits. Logs and programs do not wonder.

export function tellWatcher(message: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${message}\n`);
}
