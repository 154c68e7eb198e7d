// A relay inside the test's own process, over real sockets, and workers behind it.
import { freePort } from '../coordinator/free-port.ts';
import { type Gate, openGate } from '../coordinator/gate.ts';
import { defaultLimits } from '../coordinator/limits.ts';
import { Relay, type RelayAudits } from '../coordinator/relay.ts';
import type { RelayNews } from '../coordinator/relay-session.ts';
import { startNodeWorker } from '../worker/node.ts';
import { nodeConnection } from '../worker/node-connection.ts';
import type { Worker } from '../worker/worker.ts';
import { type TestScope, temporaryFolder } from './support.ts';

export interface InnerRelay {
  readonly relay: Relay;
  readonly url: string;
  /** What it told so far: `a ready`, `away`. */
  readonly story: readonly string[];
  /** Every block that it brought. */
  readonly blocks: readonly string[];
  /** Until it tells this. */
  told(what: string): Promise<void>;
  addWorker(name: string): Worker;
}

export interface InnerRelayOptions {
  readonly name?: string;
  readonly port?: number;
  readonly token?: string;
  readonly gate?: Gate;
  readonly audits?: RelayAudits;
}

export async function startInnerRelay(
  t: TestScope,
  upstream: string,
  { name = 'relay', token, gate = openGate, audits, ...options }: InnerRelayOptions = {},
): Promise<InnerRelay> {
  const host = '127.0.0.1';
  const port = options.port ?? (await freePort(host, 0));
  const { connect, blocks } = nodeConnection({ url: upstream, token, name }, 'relay');
  const story: string[] = [];
  const brought: string[] = [];
  const waiting = new Map<string, () => void>();
  const tell = (what: string): void => {
    story.push(what);
    waiting.get(what)?.();
  };
  const relay = new Relay({
    connect,
    bringBlock: async ({ sha256 }) => {
      brought.push(sha256);
      const response = await blocks.fetch!(`${upstream}/api/v1/data/${sha256}`);
      return new Uint8Array(await response.arrayBuffer());
    },
    host,
    port,
    gate,
    audits,
    limits: defaultLimits,
    onConnected: () => tell('connected'),
    onAway: () => tell('away'),
    onNews: (news) => tell(textOf(news)),
  });
  t.onTestFinished(async () => {
    relay.leave('the test is over');
    await relay.ending;
  });
  const url = `http://${host}:${port}`;
  const cacheDirectory = temporaryFolder(t);
  return {
    relay,
    url,
    story,
    blocks: brought,
    told: (what) =>
      story.includes(what)
        ? Promise.resolve()
        : new Promise((resolve) => waiting.set(what, resolve)),
    addWorker: (worker) => {
      const started = startNodeWorker({
        url,
        token,
        name: worker,
        engine: 'reference',
        cacheDirectory,
        log: () => undefined,
      });
      // One that has lost its relay would try again for ever.
      t.onTestFinished(async () => started.leave('the test is over'));
      return started;
    },
  };
}

function textOf(news: RelayNews): string {
  return news.type === 'notice' ? news.message : `${news.name} ${news.action}`;
}
