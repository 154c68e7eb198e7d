// A relay: one worker to whoever leases to it, a coordinator to workers of its own. It goes and comes back like any
// worker.
import { hasFeedback } from '../shared/codecs/index.ts';
import type { FromWorker, ToWorker } from '../shared/protocol.ts';
import { openSession, type RelayPort, type RelaySession, type Welcome } from './relay-session.ts';
import { type BlockName, RelayedBlocks } from './relayed-blocks.ts';

/** What a relay needs of a worker's transport. */
export interface Upstream {
  send(message: FromWorker): void;
  close(): void;
}

export interface UpstreamEvents {
  readonly onOpen: () => void;
  readonly onMessage: (message: ToWorker) => void;
  readonly onClose: (why: string, isFinal: boolean) => void;
}

export interface RelayOptions extends RelayPort {
  readonly connect: (events: UpstreamEvents) => Upstream;
  /** Resolves to the bytes of a block of the training data, which are checked. */
  readonly bringBlock: (block: BlockName) => Promise<Uint8Array>;
  readonly onConnected: (isAgain: boolean) => void;
  /** The connection above is gone, and another one is being tried for. */
  readonly onAway: (why: string) => void;
}

export type RelayEnding =
  | { readonly kind: 'finished'; readonly reason: string }
  | { readonly kind: 'left' }
  | { readonly kind: 'refused'; readonly reason: string; readonly detail: string }
  /** It could not listen: `error` is the system's. */
  | { readonly kind: 'failed'; readonly error: Error };

/** Why a run takes no relays; undefined when it does. */
function obstacleOf({ config }: Welcome): string | undefined {
  if (hasFeedback(config.codecs.gradients)) {
    return 'each worker of this run keeps what it left out of its gradients (--codec topk); let workers join the coordinator itself';
  }
  if (config.aggregation === undefined) return undefined;
  return `this run looks at every shard by itself (--aggregation ${config.aggregation}); let workers join the coordinator itself`;
}

export class Relay {
  /** Settles once, when it will not connect again and its port is free. */
  readonly ending: Promise<RelayEnding>;
  readonly #options: RelayOptions;
  readonly #blocks: RelayedBlocks;
  readonly #upstream: Upstream;
  #end: (ending: Promise<RelayEnding>) => void = () => undefined;
  /** Counts connections: what was begun on an older one is not gone on with. */
  #connection = 0;
  #isConnected = false;
  #isAway = false;
  #hasEnded = false;
  #session: RelaySession | undefined;
  /** One port is closed before the next is opened. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#blocks = new RelayedBlocks(options.bringBlock);
    this.ending = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#upstream = options.connect({
      onOpen: () => this.#open(),
      onMessage: (message) => this.#receive(message),
      onClose: (why, isFinal) => this.#closed(why, isFinal),
    });
  }

  /** Hands all leases back and goes. */
  leave(reason: string): void {
    if (this.#hasEnded) return;
    this.#upstream.send({ type: 'leave', reason });
    // Whoever leases to it hangs up when it has read that. Whoever hangs up first may not be heard.
    if (!this.#isConnected) this.#upstream.close();
    this.#retire({ kind: 'left' });
  }

  #open(): void {
    this.#connection++;
    this.#isConnected = true;
    this.#options.onConnected(this.#isAway);
    this.#isAway = false;
  }

  #closed(why: string, isFinal: boolean): void {
    this.#connection++;
    this.#isConnected = false;
    if (this.#hasEnded) return this.#upstream.close();
    this.#closeSession();
    if (isFinal) return this.#finish({ kind: 'refused', reason: 'coordinator', detail: why });
    if (!this.#isAway) this.#options.onAway(why);
    this.#isAway = true;
  }

  #receive(message: ToWorker): void {
    switch (message.type) {
      case 'welcome':
        return this.#welcomed(message);
      case 'weights':
        return this.#session?.takeWeights(message);
      case 'lease':
        return this.#session?.takeLease(message);
      case 'standby':
      case 'verdict':
        // Its workers are told of their own places, and keep nothing of their answers.
        return;
      case 'refused':
        return this.#finish({ kind: 'refused', reason: message.reason, detail: message.detail });
      case 'finished':
        this.#closeSession(message);
        return this.#finish({ kind: 'finished', reason: message.reason });
      default:
        message satisfies never;
    }
  }

  #welcomed(welcome: Welcome): void {
    const detail = obstacleOf(welcome);
    if (detail === undefined) return this.#settleIn(welcome);
    this.#finish({ kind: 'refused', reason: 'relay', detail });
  }

  /** Nothing is leased before the session that opens here says who is there. */
  #settleIn(welcome: Welcome): void {
    const connection = this.#connection;
    const isCurrent = (): boolean => connection === this.#connection && !this.#hasEnded;
    this.#work = this.#work.then(async () => {
      if (!isCurrent()) return;
      try {
        const send = (message: FromWorker): void => {
          if (isCurrent()) this.#upstream.send(message);
        };
        const session = await openSession({
          ...this.#options,
          welcome,
          blocks: this.#blocks,
          send,
        });
        if (isCurrent()) this.#session = session;
        else await session.close();
      } catch (error) {
        if (isCurrent()) this.#finish({ kind: 'failed', error: error as Error });
      }
    });
  }

  #closeSession(finished?: Extract<ToWorker, { type: 'finished' }>): void {
    const session = this.#session;
    this.#session = undefined;
    this.#work = this.#work.then(() => session?.close(finished));
  }

  #finish(ending: RelayEnding): void {
    this.#retire(ending);
    this.#upstream.close();
  }

  #retire(ending: RelayEnding): void {
    this.#hasEnded = true;
    this.#closeSession();
    this.#end(this.#work.then(() => ending));
  }
}
