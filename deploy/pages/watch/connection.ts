// The run's events over as many connections as it takes, each once and in order. Not by an EventSource: that cannot
// show a token, and gives up for good when a proxy answers in place of the coordinator.
import * as v from 'valibot';
import { type RunEvent, runEventSchema } from '../../../shared/events.ts';
import { ask } from './api.ts';

export interface EventHandlers {
  onEvent(event: RunEvent): void;
  /** The connection is gone, and another one is being tried for. */
  onAway(): void;
  onBack(): void;
  /** Another link is needed: this one does not let us in. */
  onRefused(why: string): void;
  /** Nobody trains there, and no events will come. */
  onNone(): void;
}

const retryMs = 500;
/** After so long a silence the coordinator is asked whether it is there. */
const silenceMs = 3000;
const patienceMs = 2000;

export async function followEvents(handlers: EventHandlers): Promise<void> {
  /** `run/seq` of the last event. */
  let position = '0';
  const hear = (block: string): void => {
    const { id, data } = fieldsOf(block);
    if (id === undefined || data === undefined) return;
    position = id;
    const parsed = v.safeParse(runEventSchema, JSON.parse(data));
    if (parsed.success) handlers.onEvent(parsed.output);
  };
  for (;;) {
    const abort = new AbortController();
    const silence = watchSilence(() => abort.abort());
    addEventListener('offline', silence.giveUp);
    try {
      const url = `api/v1/events?since=${encodeURIComponent(position)}`;
      const response = await ask(url, { signal: abort.signal, cache: 'no-store' });
      if (response.status === 401) return handlers.onRefused(await response.text());
      if (response.status === 204) return handlers.onNone();
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
      handlers.onBack();
      for await (const block of blocksOf(response.body)) {
        silence.heard();
        hear(block);
      }
    } catch {
      // Whatever it was, the next try tells whether it is over.
    } finally {
      removeEventListener('offline', silence.giveUp);
      silence.stop();
    }
    handlers.onAway();
    await new Promise((resolve) => {
      setTimeout(resolve, retryMs);
    });
  }
}

/** A network that is gone closes nothing: without this, a dead connection would look like a quiet run. */
function watchSilence(giveUp: () => void) {
  let heardAt = performance.now();
  let isAsking = false;
  const timer = setInterval(async () => {
    if (isAsking || performance.now() - heardAt < silenceMs) return;
    isAsking = true;
    const signal = AbortSignal.timeout(patienceMs);
    const isThere = await fetch('livez', { signal, cache: 'no-store' }).then(
      ({ ok }) => ok,
      () => false,
    );
    isAsking = false;
    if (isThere) heardAt = performance.now();
    else giveUp();
  }, 1000);
  return {
    heard: () => {
      heardAt = performance.now();
    },
    giveUp,
    stop: () => clearInterval(timer),
  };
}

/** What stands between empty lines. */
async function* blocksOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + value).split('\n\n');
    text = blocks.pop()!;
    yield* blocks;
  }
}

function fieldsOf(block: string): { readonly id?: string; readonly data?: string } {
  const lines = block.split('\n').map((line) => /^(id|data): (.*)$/.exec(line));
  return Object.fromEntries(lines.flatMap((found) => (found ? [[found[1], found[2]]] : [])));
}
