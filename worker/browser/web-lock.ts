// Chromium freezes hidden tabs, but none that holds a lock somebody might wait for.

/** Asks for nothing where there is no secure context. Call what is returned when the work is over. */
export function holdLock(): () => void {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const locks: LockManager | undefined = navigator.locks;
  // Shared: several tabs may work side by side.
  locks?.request('tutti', { mode: 'shared' }, () => released).catch(() => undefined);
  return release;
}
