// A core and its clock: whoever has an event for it hands it in here.

interface Tick {
  readonly type: 'tick';
}

export interface TimedCore<Event, Effect> {
  /** Monotonic milliseconds. */
  handle(event: Event | Tick, now: number): readonly Effect[];
  /** When to tell it that time has passed, if nothing else happens before; infinity for never. */
  wakeAt(): number;
}

/** Returns what hands an event in. Its effects are carried out in order, and later on those of time. */
export function drive<Event, Effect>(
  core: TimedCore<Event, Effect>,
  perform: (effect: Effect, now: number) => void,
): (event: Event | Tick) => void {
  let wakeTimer: NodeJS.Timeout | undefined;
  let isAlarmDue = false;
  const dispatch = (event: Event | Tick): void => {
    const now = performance.now();
    for (const effect of core.handle(event, now)) perform(effect, now);
    // Once for all that comes in one turn of the loop: it looks at every worker.
    if (!isAlarmDue) setImmediate(setAlarm);
    isAlarmDue = true;
  };
  const setAlarm = (): void => {
    isAlarmDue = false;
    clearTimeout(wakeTimer);
    const wakeAt = core.wakeAt();
    if (!Number.isFinite(wakeAt)) return;
    const pauseMs = Math.max(0, wakeAt - performance.now());
    wakeTimer = setTimeout(() => dispatch({ type: 'tick' }), pauseMs);
  };
  return dispatch;
}
