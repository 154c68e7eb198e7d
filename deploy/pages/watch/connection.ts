// The run's events over as many connections as it takes, each once and in order.
import * as v from 'valibot';
import { type RunEvent, runEventSchema } from '../../../shared/events.ts';

export interface EventHandlers {
  onEvent(event: RunEvent): void;
  /** The connection is gone, and another one is being tried for. */
  onAway(): void;
  onBack(): void;
}

const retryMs = 500;
/** After so long a silence the coordinator is asked whether it is there. */
const silenceMs = 3000;
const patienceMs = 2000;

export function followEvents({ onEvent, onAway, onBack }: EventHandlers): void {
  /** `run/seq` of the last event. */
  let position = '0';
  let heardAt = performance.now();
  let source: EventSource | undefined;
  let isAsking = false;

  const open = (): void => {
    source = new EventSource(`api/v1/events?since=${encodeURIComponent(position)}`);
    source.onopen = () => {
      heardAt = performance.now();
      onBack();
    };
    source.onmessage = ({ data, lastEventId }: MessageEvent<string>) => {
      heardAt = performance.now();
      position = lastEventId;
      const parsed = v.safeParse(runEventSchema, JSON.parse(data));
      if (parsed.success) onEvent(parsed.output);
    };
    // The browser's own way of trying again gives up for good when a proxy answers in place of the coordinator.
    source.onerror = again;
  };
  const again = (): void => {
    if (source === undefined) return;
    source.close();
    source = undefined;
    onAway();
    setTimeout(open, retryMs);
  };
  /** A network that is gone closes nothing: without this, a dead connection would look like a quiet run. */
  const ask = async (): Promise<void> => {
    if (isAsking || source === undefined || performance.now() - heardAt < silenceMs) return;
    isAsking = true;
    const signal = AbortSignal.timeout(patienceMs);
    const isThere = await fetch('livez', { signal, cache: 'no-store' }).then(
      ({ ok }) => ok,
      () => false,
    );
    isAsking = false;
    if (isThere) heardAt = performance.now();
    else again();
  };
  setInterval(ask, 1000);
  addEventListener('offline', again);
  open();
}
