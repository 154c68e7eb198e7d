// A worker in a Node process: what it needs of the machine, handed to the loop that all workers share.
import { hash } from 'node:crypto';
import { hostname } from 'node:os';
import { protocolVersion } from '../shared/protocol.ts';
import { withBearer } from './bearer.ts';
import { createBlockCache } from './block-cache.ts';
import { openTrainingData } from './data-store.ts';
import { auto, chooseEngine } from './engines/choose.ts';
import { engineChoices, specOf } from './engines/index.ts';
import { newsText } from './news.ts';
import { agentFor, fetchOver } from './pinned-agent.ts';
import { socketTransport } from './transport.ts';
import { webSocketFor } from './unmasked-websocket.ts';
import { Worker } from './worker.ts';

export interface NodeWorkerOptions {
  /** The coordinator: `http://host:7070`. */
  readonly url: string;
  /** That lets it in, where the coordinator asks for one. */
  readonly token?: string;
  /** SHA-256 of the only certificate that is trusted, in hex; without one, those that Node trusts. */
  readonly tlsFingerprint?: string;
  readonly name?: string;
  /** `auto` or one of `engineSpecs`. */
  readonly engine: string;
  readonly cacheDirectory?: string;
  readonly log: (message: string) => void;
}

export function startNodeWorker(options: NodeWorkerOptions): Worker {
  const { url, token, tlsFingerprint, engine: spec, cacheDirectory, log } = options;
  const agent = agentFor(tlsFingerprint);
  const name = options.name ?? `${hostname()}-${process.pid}`;
  return new Worker({
    connect: socketTransport({
      url,
      handshake: { protocol: protocolVersion, name, kind: 'node', ...(token && { token }) },
      webSocket: webSocketFor(agent),
    }),
    loadData: (manifest, imageBytes) =>
      openTrainingData({
        baseUrl: url,
        manifest,
        imageBytes,
        cache: createBlockCache(cacheDirectory),
        sha256: (bytes) => hash('sha256', bytes),
        fetch: withBearer(token, agent && fetchOver(agent)),
      }),
    createEngine: async (model, sliceSize, wanted) => {
      if (wanted !== undefined && ![auto, wanted].includes(specOf(spec))) {
        throw new Error(
          `the run asks for the engine ${wanted}; start this worker without --engine`,
        );
      }
      const chosen = await chooseEngine({
        spec: wanted ?? spec,
        choices: engineChoices,
        model,
        sliceSize,
      });
      log(chosen.story);
      return chosen;
    },
    now: () => performance.now(),
    onNews: (news) => {
      const text = newsText(news);
      if (text !== undefined) log(text);
    },
  });
}
