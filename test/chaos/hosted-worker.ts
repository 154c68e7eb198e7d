// A worker inside the suite's own process, whose connection may be looked into or tampered with.
import { hash } from 'node:crypto';
import { protocolVersion } from '../../shared/protocol.ts';
import { createBlockCache } from '../../worker/block-cache.ts';
import { openTrainingData } from '../../worker/data-store.ts';
import { onnx } from '../../worker/engines/onnx.ts';
import { type Connect, socketTransport } from '../../worker/transport.ts';
import { UnmaskedWebSocket } from '../../worker/unmasked-websocket.ts';
import { Worker } from '../../worker/worker.ts';
import type { TestScope } from '../support.ts';

export interface HostedWorkerOptions {
  readonly name: string;
  readonly url: string;
  readonly cacheDirectory: string;
  readonly tamper: (connect: Connect) => Connect;
}

/** A guess to begin with: the coordinator measures. */
const samplesPerSecond = 10_000;

export function hostWorker(t: TestScope, options: HostedWorkerOptions): Worker {
  const { name, url, cacheDirectory, tamper } = options;
  const handshake = { protocol: protocolVersion, name, kind: 'node' } as const;
  const worker = new Worker({
    connect: tamper(socketTransport({ url, handshake, webSocket: UnmaskedWebSocket })),
    loadData: (manifest, imageBytes) =>
      openTrainingData({
        baseUrl: url,
        manifest,
        imageBytes,
        cache: createBlockCache(cacheDirectory),
        sha256: (bytes) => hash('sha256', bytes),
      }),
    createEngine: async (model) => ({ engine: await onnx.create(model), samplesPerSecond }),
    now: () => performance.now(),
    onNews: () => undefined,
  });
  t.onTestFinished(async () => worker.leave('the trial is over'));
  return worker;
}
