// How long one hostile message keeps the coordinator from everything else, with the reference network: from the
// arrival of a piece of it until the event loop is free again. Run it with: npx tsx test/bench/hostile-latency.ts
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { type Packet, PacketType } from 'socket.io-parser';
import { modelOf } from '../../shared/config.ts';
import {
  messageEvent,
  protocolVersion,
  watchNamespace,
  workNamespace,
} from '../../shared/protocol.ts';
import { encodeFrame } from '../../shared/wire.ts';
import { answerTo, encoded, newImpostor, newStranger } from '../hostile-client.ts';
import { type InnerCoordinator, newInnerCoordinator } from '../inner-coordinator.ts';
import { opcodes, webSocketFrame } from '../raw-websocket.ts';
import { inScope, type TestScope } from '../support.ts';

const rounds = 20;
const nsp = workNamespace;
const { CONNECT, EVENT } = PacketType;
const firstStep = { type: 'lease' as const, epoch: 0, step: 0, version: 0 };

const packet = (content: Packet) => webSocketFrame(encoded(content));
const header = (content: unknown) => webSocketFrame(encodeFrame(content));
const message = (content: unknown) => packet({ type: EVENT, nsp, data: [messageEvent, content] });

/** Everything before the message has been said already. */
function messages(largest: number, gradient: ReturnType<typeof answerTo>): [string, Buffer][] {
  const corrupt = message(gradient);
  corrupt[corrupt.length - 1] ^= 1;
  const text = (content: string) => webSocketFrame(content, { opcode: opcodes.text });
  const maps = Array(19_990).fill({});
  const keys = Object.fromEntries(Array.from({ length: 9_900 }, (_, key) => [`key ${key}`, key]));
  const unusable = { ...gradient, payload: gradient.payload.slice().fill(255) };
  return [
    ['a gradient of another run', message({ ...gradient, run: 'yesterday' })],
    ['a gradient without a lease', message(gradient)],
    ['a gradient of NaN without a lease', message(unusable)],
    ['a gradient with a flipped bit', corrupt],
    ['as many zeros as a frame may have', webSocketFrame(new Uint8Array(largest))],
    ['as much text', text('4'.repeat(largest))],
    ['as much base64', text(`b${'A'.repeat(largest - 4)}`)],
    ['the most empty maps', header([EVENT, nsp, [messageEvent, maps]])],
    ['the most keys', header([EVENT, nsp, [messageEvent, keys]])],
    [
      'the most keys in a message',
      header([EVENT, nsp, [messageEvent, { type: 'ready', ...keys }]]),
    ],
    ['a text of 250 kB for a name', message({ type: 'leave', reason: 'x'.repeat(250_000) })],
    ['a greeting of 250 kB', packet({ type: CONNECT, nsp: watchNamespace, data: keys })],
    ['the most pieces', inPieces(1024, largest)],
  ];
}

function inPieces(count: number, bytes: number): Buffer {
  const piece = new Uint8Array(Math.floor(bytes / count));
  const frames = Array.from({ length: count }, (_, at) =>
    webSocketFrame(piece, {
      opcode: at === 0 ? opcodes.binary : opcodes.continued,
      isFinal: at === count - 1,
    }),
  );
  return Buffer.concat(frames);
}

/** The longest in milliseconds, since it was set to 0. */
let longest = 0;

function watchArrivals(socket: Socket): void {
  socket.prependListener('data', () => {
    const arrivedAt = performance.now();
    void setImmediate().then(() => {
      longest = Math.max(longest, performance.now() - arrivedAt);
    });
  });
}

async function measure(what: string, work: (t: TestScope) => Promise<() => Promise<unknown>>) {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await inScope(async (t) => {
      const say = await work(t);
      longest = 0;
      await say();
      await setImmediate();
      times.push(longest);
    });
  }
  times.sort((a, b) => a - b);
  const figures = [times[0], times[rounds / 2], times[rounds - 1]].map((time) => time.toFixed(1));
  console.log(what.padEnd(36), ...figures.map((figure) => figure.padStart(8)));
}

async function measureAll({ url, config, log, server }: InnerCoordinator): Promise<void> {
  const { welcome } = await inScope((t) => newImpostor(t, url, 'probe'));
  const gradient = answerTo(welcome, { ...firstStep, runs: [{ start: 0, length: 1 }] });
  const largest = 4 * modelOf(config).parameterCount + 200_000;
  server.io.httpServer.on('connection', watchArrivals);
  console.log(''.padEnd(36), 'best, median and worst of', rounds, 'in ms');
  for (const [what, bytes] of messages(largest, gradient)) {
    await measure(what, async (t) => {
      const { stranger } = await newImpostor(t, url, 'hostile');
      const { bytesIn } = server.traffic();
      return async () => {
        stranger.wire.write(bytes);
        // Until the last byte is there and has been looked at, or nobody listens any more.
        const isThere = () => server.traffic().bytesIn >= bytesIn + bytes.length;
        while (!isThere() && !stranger.wire.isClosed) await setImmediate();
      };
    });
  }
  for (let count = 0; count < 10_000; count++) {
    log.add({ type: 'notice', level: 'info', message: 'history' });
  }
  await measure('a watcher of 10,000 events, unread', async (t) => {
    const watcher = await newStranger(t, url);
    return async () => {
      await watcher.enter(watchNamespace, { protocol: protocolVersion });
      watcher.wire.socket.pause();
    };
  });
}

await inScope(async (t) => {
  const reference = {
    shape: { trainSamples: 256, testSamples: 1, rows: 28, columns: 28, classes: 10 },
    model: { hidden: [400, 200, 100], activation: 'relu' as const, batchNorm: false, dropout: 0 },
    loss: { labelSmoothing: 0 },
    codecs: { gradients: 'float32', weights: 'float32' } as const,
  };
  const limits = { maxConnections: 100_000 };
  const inner = await newInnerCoordinator(t, { config: reference, limits });
  await measureAll(inner);
});
