// What the device does to a page that computes: screens go dark, batteries run low, hidden tabs are put to sleep.

export interface DeviceWarnings {
  /** From 0 to 1, while it runs on its battery and that is low. */
  readonly lowBattery?: number;
  /** The tab was out of sight since work began. */
  readonly wasHidden: boolean;
  /** There is no network. */
  readonly isOffline: boolean;
}

/** Of Chromium alone, and not in the compiler's library. */
interface BatteryManager extends EventTarget {
  readonly charging: boolean;
  readonly level: number;
}

const lowLevel = 0.3;

/** Calls `onChange` with what there is to warn of, whenever that is another. */
export function watchDevice(onChange: (warnings: DeviceWarnings) => void): void {
  let warnings: DeviceWarnings = { wasHidden: false, isOffline: !navigator.onLine };
  const change = (changes: Partial<DeviceWarnings>): void => {
    warnings = { ...warnings, ...changes };
    onChange(warnings);
  };
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') change({ wasHidden: true });
  });
  addEventListener('offline', () => change({ isOffline: true }));
  addEventListener('online', () => change({ isOffline: false }));
  const { getBattery } = navigator as { getBattery?: () => Promise<BatteryManager> };
  getBattery?.call(navigator).then((battery) => {
    const read = (): void => {
      const { charging, level } = battery;
      change({ lowBattery: !charging && level < lowLevel ? level : undefined });
    };
    for (const type of ['chargingchange', 'levelchange']) battery.addEventListener(type, read);
    read();
  });
}

/** Keeps the screen on while `isAtWork` says so, where the browser lets it. */
export function keepAwake(isAtWork: () => boolean): { update(): void } {
  let lock: WakeLockSentinel | undefined;
  let isAsking = false;
  const update = async (): Promise<void> => {
    // Undefined without a secure context.
    const wakeLock: WakeLock | undefined = navigator.wakeLock;
    if (wakeLock === undefined || isAsking) return;
    if (!isAtWork()) {
      await lock?.release();
      lock = undefined;
    } else if (document.visibilityState === 'visible' && (lock === undefined || lock.released)) {
      isAsking = true;
      // Refused by a low battery or by its settings: then the screen goes dark.
      lock = await wakeLock.request('screen').catch(() => undefined);
      isAsking = false;
    }
  };
  // The browser takes it back whenever the tab is out of sight.
  document.addEventListener('visibilitychange', () => void update());
  return { update: () => void update() };
}
