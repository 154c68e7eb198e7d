// A worker in a Node process: what it needs of the machine, handed to the loop that all workers share.
import { hash } from 'node:crypto';
import { hostname } from 'node:os';
import { protocolVersion } from '../shared/protocol.ts';
import { createBlockCache } from './block-cache.ts';
import { fetchTrainingData } from './data-store.ts';
import { engineOf } from './engines/index.ts';
import { proveEngine } from './engines/prove.ts';
import { socketTransport } from './transport.ts';
import { UnmaskedWebSocket } from './unmasked-websocket.ts';
import { Worker } from './worker.ts';

export interface NodeWorkerOptions {
  /** The coordinator: `http://host:7070`. */
  readonly url: string;
  readonly name?: string;
  /** One of `engineSpecs`. */
  readonly engine: string;
  readonly cacheDirectory?: string;
  readonly log: (message: string) => void;
}

export function startNodeWorker(options: NodeWorkerOptions): Worker {
  const { url, engine: spec, cacheDirectory, log } = options;
  const name = options.name ?? `${hostname()}-${process.pid}`;
  return new Worker({
    connect: socketTransport({
      url,
      handshake: { protocol: protocolVersion, name, kind: 'node' },
      webSocket: UnmaskedWebSocket,
    }),
    loadData: (manifest, imageBytes) =>
      fetchTrainingData({
        baseUrl: url,
        manifest,
        imageBytes,
        cache: createBlockCache(cacheDirectory),
        sha256: (bytes) => hash('sha256', bytes),
      }),
    createEngine: async (model, sliceSize) => {
      const { kind, provider } = engineOf(spec);
      const engine = await kind.create(model, provider);
      const proof = await proveEngine(engine, { model, tolerance: kind.tolerance, sliceSize });
      const rate = Math.round(proof.samplesPerSecond).toLocaleString('en-US');
      log(
        `engine ${engine.label}: ${rate} samples/s, error ${proof.maxError.toExponential(1)} ` +
          'against the reference',
      );
      return { engine, samplesPerSecond: proof.samplesPerSecond };
    },
    now: () => performance.now(),
    log,
  });
}
