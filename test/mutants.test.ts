// Good frames with a few bytes changed, and a checksum that is right again: most are nonsense, some are not.
import { EventEmitter } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { type Packet, PacketType } from 'socket.io-parser';
import { expect, it } from 'vitest';
import type { RunEvent } from '../shared/events.ts';
import { messageEvent, rejectReasons, workNamespace } from '../shared/protocol.ts';
import { createRandom } from '../shared/random.ts';
import { mutated, resealed } from './frames.ts';
import { encoded, handshakeOf } from './hostile-client.ts';
import { newInnerCoordinator, noticesIn } from './inner-coordinator.ts';
import { inScope } from './support.ts';

/** Some minutes for a million. */
const mutants = Number(process.env.TUTTI_MUTANTS ?? 100_000);
const connectionsAtOnce = 50;
const limits = { maxConnections: 1_000_000, messagesPerSecond: 1_000_000 };

const nsp = workNamespace;
const message = (content: object): Packet => ({
  type: PacketType.EVENT,
  nsp,
  data: [messageEvent, content],
});
/** None may be true: an answer of another run, because a gradient that is merely wrong would be taken. */
const originals = [
  message({ type: 'ready', engine: 'a liar', samplesPerSecond: 1000 }),
  message({ type: 'leave', reason: 'bored' }),
  message({
    type: 'gradient',
    run: 'yesterday',
    ...{ epoch: 0, step: 0, version: 0, start: 0, length: 1, samples: 8 },
    ...{ lossSum: 1, correct: 1, computeMs: 1, payload: new Uint8Array(4 * 340) },
  }),
  { type: PacketType.DISCONNECT, nsp },
].map(encoded);
const greeting = encoded({ type: PacketType.CONNECT, nsp, data: handshakeOf('mutant') });

it(`${mutants} mutants of good frames leave the run as it was`, {
  timeout: 3_600_000,
}, async (t) => {
  const { server, coordinator, log, addWorker } = await newInnerCoordinator(t, { limits });
  const fates = new Map<string | undefined, number>();
  log.subscribe((event) => {
    const fate = fateOf(event);
    fates.set(fate, (fates.get(fate) ?? 0) + 1);
  });
  addWorker();
  const random = createRandom(15, 'mutants');
  let connections: EngineConnection[] = [];
  for (let sent = 0; sent < mutants; ) {
    connections = connections.filter(({ readyState }) => readyState === 'open');
    while (connections.length < connectionsAtOnce) {
      const connection = new EngineConnection();
      server.io.engine.emit('connection', connection);
      connection.emit('data', random.below(8) === 0 ? mutant(greeting) : greeting);
      connections.push(connection);
    }
    // A greeting is answered a few ticks later.
    await setImmediate();
    for (const connection of connections) {
      connection.emit('data', mutant(originals[sent++ % originals.length]));
    }
  }
  function mutant(frame: Uint8Array): Uint8Array {
    const bytes = mutated(frame, random);
    return random.below(8) === 0 ? bytes : resealed(bytes);
  }
  for (const connection of connections) connection.close();
  // Each fate that a stranger can have was somebody's.
  const { malformed, corrupt, foreign, unexpected } = rejectReasons;
  for (const fate of ['joined', 'ready', 'left', 'expelled', unexpected]) {
    expect(fates.get(fate)).toBeGreaterThan(0);
  }
  for (const reason of [malformed, corrupt, foreign]) {
    expect(fates.get(reason)).toBeGreaterThan(mutants / 100);
  }
  // Nothing is left of them.
  expect([...server.io.of(nsp).sockets]).toHaveLength(1);
  coordinator.stop();
  const end = await coordinator.done;
  expect(noticesIn(log).filter((message) => /mistake/.test(message))).toEqual([]);
  expect(await undisturbedHash(end.version)).toBe(end.weightsHash);
});

function undisturbedHash(maxSteps: number): Promise<string> {
  return inScope(async (t) => {
    const { coordinator, addWorker } = await newInnerCoordinator(t, { config: { maxSteps } });
    addWorker();
    return (await coordinator.done).weightsHash;
  });
}

function fateOf(event: RunEvent): string | undefined {
  if (event.type !== 'worker' || event.name === 'honest') return undefined;
  return event.action === 'rejected' ? event.reason : event.action;
}

/** What socket.io sees of a WebSocket: engine.io below it does not look into what it carries. */
class EngineConnection extends EventEmitter {
  readonly id = String(Math.random());
  readonly protocol = 4;
  readonly request = { headers: {}, connection: {}, socket: { destroyed: true }, _query: {} };
  readonly transport = { writable: true };
  readonly writeBuffer: unknown[] = [];
  readyState = 'open';

  write(): void {
    this.emit('drain');
  }

  close(): void {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.emit('close', 'forced close');
  }
}
