// Workers' sockets: who may speak, what they may say, and how much may wait to be sent to them.
import type { Server, Socket } from 'socket.io';
import * as v from 'valibot';
import { cleanName } from '../shared/names.ts';
import {
  type FromWorker,
  fromWorkerSchema,
  handshakeSchema,
  messageEvent,
  protocolVersion,
  type RejectReason,
  rejectReasons,
  type ToWorker,
  workNamespace,
} from '../shared/protocol.ts';
import { WireError } from '../shared/wire.ts';

export interface WorkerPeer {
  /** Unique in this coordinator's life: `w12`. */
  readonly worker: string;
  readonly name: string;
  readonly kind: 'node' | 'tab';
}

export interface WorkHandlers {
  joined(peer: WorkerPeer): void;
  message(peer: WorkerPeer, message: FromWorker): void;
  badMessage(peer: WorkerPeer, reason: RejectReason): void;
  left(peer: WorkerPeer, why: string): void;
  /** Somebody who never became a worker. */
  refused(name: string, reason: RejectReason): void;
  /** A handler threw: a mistake of ours, not of the worker. */
  failed(error: unknown): void;
}

export interface WorkChannel {
  send(worker: string, message: ToWorker): void;
  /** Weights are still on their way to this worker: it gets no others meanwhile. */
  isBehind(worker: string): boolean;
  /** Undefined for one that is gone. */
  nameOf(worker: string): string | undefined;
  /** Says why, then hangs up. */
  dismiss(worker: string, message: ToWorker): void;
  dismissAll(message: ToWorker): void;
}

export function openWorkChannel(io: Server, handlers: WorkHandlers): WorkChannel {
  const peers = new Map<string, { readonly peer: WorkerPeer; readonly socket: Socket }>();
  const behind = new WeakSet<Socket>();
  let admitted = 0;

  /** Nothing that a message sets off may end the process. */
  const guarded = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      handlers.failed(error);
    }
  };

  const namespace = io.of(workNamespace);
  namespace.use((socket, next) => {
    const { name, reason } = readHandshake(socket.handshake.auth);
    if (reason === undefined) return next();
    guarded(() => handlers.refused(name, reason));
    next(Object.assign(new Error(rejectReasons[reason]), { data: { reason } }));
  });
  namespace.on('connection', (socket) => {
    const worker = `w${++admitted}`;
    const { kind, name } = v.parse(handshakeSchema, socket.handshake.auth);
    const peer: WorkerPeer = { worker, kind, name: cleanName(name, worker) };
    peers.set(worker, { peer, socket });
    socket.conn.on('drain', () => behind.delete(socket));
    socket.on(messageEvent, (data: unknown) => {
      const message = v.safeParse(fromWorkerSchema, data);
      guarded(() => {
        if (message.success) handlers.message(peer, message.output);
        else handlers.badMessage(peer, 'malformed');
      });
    });
    socket.on('error', (error: Error) => {
      const reason = error instanceof WireError ? error.reason : 'malformed';
      guarded(() => handlers.badMessage(peer, reason));
    });
    socket.on('disconnect', (why) => {
      peers.delete(worker);
      guarded(() => handlers.left(peer, why));
    });
    guarded(() => handlers.joined(peer));
  });

  const dismiss = (worker: string, message: ToWorker): void => {
    const socket = peers.get(worker)?.socket;
    socket?.emit(messageEvent, message);
    socket?.disconnect(true);
  };
  return {
    send: (worker, message) => {
      const socket = peers.get(worker)?.socket;
      if (message.type === 'weights' && socket) behind.add(socket);
      socket?.emit(messageEvent, message);
    },
    isBehind: (worker) => {
      const socket = peers.get(worker)?.socket;
      return socket !== undefined && behind.has(socket);
    },
    nameOf: (worker) => peers.get(worker)?.peer.name,
    dismiss,
    dismissAll: (message) => {
      for (const worker of [...peers.keys()]) dismiss(worker, message);
    },
  };
}

function readHandshake(auth: unknown): { name: string; reason?: RejectReason } {
  const handshake = v.safeParse(handshakeSchema, auth);
  if (!handshake.success) return { name: 'somebody', reason: 'handshake' };
  const name = cleanName(handshake.output.name, 'somebody');
  return handshake.output.protocol === protocolVersion ? { name } : { name, reason: 'protocol' };
}
