// The name that somebody gave the last time, kept by the browser where it may keep things.

const key = 'tutti-name';

export function recallName(): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

export function rememberName(name: string): void {
  try {
    localStorage.setItem(key, name);
  } catch {
    // Storage is forbidden or full: next time the name is asked for again.
  }
}
