// A coordinator's events as they come, over as many connections as it takes.
import { io } from 'socket.io-client';
import * as v from 'valibot';
import type { RunEvent } from '../shared/events.ts';
import { messageEvent, protocolVersion, watchNamespace } from '../shared/protocol.ts';
import { socketParser } from '../shared/socket-parser.ts';
import type { ManagerTransports, WebSocketTransport } from './transport.ts';

export type WatchEnding =
  | { readonly kind: 'ended' }
  | { readonly kind: 'closed' }
  /** `reason` is one of `rejectReasons`, where the coordinator gives one. */
  | { readonly kind: 'refused'; readonly reason?: string; readonly detail: string };

export interface WatchOptions {
  /** Of the events that are wanted: others are passed over. */
  readonly schema: v.GenericSchema<unknown, RunEvent>;
  /** That lets us in, where the coordinator asks for one. */
  readonly token?: string;
  /** What carries the frames: a browser's WebSocket, or Node's, unless told otherwise. */
  readonly webSocket?: WebSocketTransport;
  /** Names an error of the connection that no further try would change. */
  readonly faultOf?: (error: unknown) => string | undefined;
}

export interface WatchHandlers {
  onEvent(event: RunEvent): void;
  /** The connection is gone, and another one is being tried for. Said once. */
  onAway(why: string): void;
  onBack(): void;
}

export interface Watching {
  readonly ending: Promise<WatchEnding>;
  close(): void;
}

/** Tries again until the run ends, the watcher closes, or the coordinator refuses by name. */
export function watchRun(
  url: string,
  { onEvent, onAway, onBack }: WatchHandlers,
  options: WatchOptions,
): Watching {
  const { schema, token, webSocket = 'websocket', faultOf } = options;
  let lastSeq = 0;
  let run: string | undefined;
  let isAway = false;
  let isOver = false;
  let end: (ending: WatchEnding) => void = () => undefined;
  const socket = io(new URL(watchNamespace, url).href, {
    transports: [webSocket] as ManagerTransports,
    parser: socketParser,
    auth: (tell) =>
      tell({ protocol: protocolVersion, since: lastSeq, run, ...(token && { token }) }),
    forceNew: true,
    reconnectionDelay: 250,
    reconnectionDelayMax: 5000,
  });
  const ending = new Promise<WatchEnding>((resolve) => {
    end = (ending) => {
      isOver = true;
      socket.disconnect();
      resolve(ending);
    };
  });
  socket.on('connect', () => {
    if (isAway) onBack();
    isAway = false;
  });
  const away = (why: string): void => {
    if (!isAway) onAway(why);
    isAway = true;
  };
  socket.on('connect_error', (error: Error & { data?: { reason?: string } }) => {
    const fault = faultOf?.(error);
    if (fault !== undefined) end({ kind: 'refused', detail: fault });
    else if (socket.active) away('nobody answers');
    else end({ kind: 'refused', reason: error.data?.reason, detail: error.message });
  });
  socket.on('disconnect', () => {
    if (isOver) return;
    // The server hangs up when it ends: a restarted one will take us back.
    if (!socket.active) socket.connect();
    away('the connection broke');
  });
  socket.on(messageEvent, (data: unknown) => {
    const parsed = v.safeParse(schema, data);
    if (!parsed.success) return;
    const event = parsed.output;
    // Somebody started another run in its place.
    if (event.type === 'run' && event.run !== run) lastSeq = 0;
    if (event.seq <= lastSeq) return;
    if (event.type === 'run') run = event.run;
    lastSeq = event.seq;
    onEvent(event);
    if (event.type === 'end') end({ kind: 'ended' });
  });
  return { ending, close: () => end({ kind: 'closed' }) };
}
