// A TCP proxy between workers and their coordinator that is as bad as a network can be.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Draw } from '../simulator/draw.ts';
import type { TestScope } from '../support.ts';
import { type Conditions, clear, Pipe } from './pipe.ts';

/** `up` is from a worker to the coordinator. */
export type Direction = 'up' | 'down';

export interface TcpProxy {
  readonly url: string;
  /** Bits flipped so far. */
  readonly flips: number;
  /** From now on, on all connections of now and later. What is not named is as it should be. */
  set(conditions: Partial<Conditions>, directions?: readonly Direction[]): void;
  /** Ends all connections and takes no new ones. */
  cut(): void;
  /** Nothing is wrong from now on. */
  heal(): void;
}

export async function startProxy(t: TestScope, target: string, draw: Draw): Promise<TcpProxy> {
  const { hostname: host, port } = new URL(target);
  const conditions = { up: clear, down: clear };
  const sockets = new Set<Socket>();
  const pipes = new Set<Pipe>();
  let isCut = false;
  let flips = 0;

  const link = (from: Socket, to: Socket, direction: Direction): void => {
    const pipe = new Pipe(from, to, {
      conditions: () => conditions[direction],
      draw,
      onFlip: () => flips++,
    });
    pipes.add(pipe);
    sockets.add(from);
    from.on('close', () => {
      sockets.delete(from);
      if (to.destroyed) pipes.delete(pipe);
    });
  };
  const server = createServer((client) => {
    if (isCut) return client.destroy();
    const upstream = connect(Number(port), host);
    link(client, upstream, 'up');
    link(upstream, client, 'down');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  t.onTestFinished(async () => {
    cut();
    server.close();
  });
  const set: TcpProxy['set'] = (changes, directions = ['up', 'down']) => {
    for (const direction of directions) conditions[direction] = { ...clear, ...changes };
    for (const pipe of pipes) pipe.release();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get flips() {
      return flips;
    },
    set,
    cut,
    heal: () => {
      isCut = false;
      set({});
    },
  };
}
