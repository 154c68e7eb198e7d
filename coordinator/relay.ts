// A relay: one worker to whoever leases to it, a coordinator to workers of its own. It goes and comes back like any
// worker.
import { hasFeedback } from '../shared/codecs/index.ts';
import type { Slice } from '../shared/contracts.ts';
import type { FromWorker, ToWorker } from '../shared/protocol.ts';
import type { AuditOrder } from './audit-desk.ts';
import { FirstShares } from './first-shares.ts';
import {
  openSession,
  type RelayPort,
  type RelaySession,
  type Retraction,
  type Welcome,
} from './relay-session.ts';
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
  /** Its workers' answers are computed again, if at all. */
  readonly audits?: RelayAudits;
  /** Resolves to the bytes of a block of the training data, which are checked. */
  readonly bringBlock: (block: BlockName) => Promise<Uint8Array>;
  readonly onConnected: (isAgain: boolean) => void;
  /** The connection above is gone, and another one is being tried for. */
  readonly onAway: (why: string) => void;
}

export interface RelayAudits {
  /** From 0 to 1. */
  readonly rate: number;
  /** Called for each connection; `train` brings the whole training set. Rejects where nobody can audit. */
  prepare(welcome: Welcome, train: () => Promise<Slice>): Promise<AuditOrder['audit']>;
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
  readonly #firstShares = new FirstShares();
  /** For whoever leads this run, when it is there again. */
  readonly #owed: { readonly run: string; readonly message: Retraction }[] = [];
  #upstream: Upstream;
  #upstreams = 0;
  #end: (ending: Promise<RelayEnding>) => void = () => undefined;
  /** Counts connections: what was begun on an older one is not gone on with. */
  #connection = 0;
  #isConnected = false;
  #isAway = false;
  /** It was expelled for what its workers said, and found no liar: all that they say is looked at. */
  #isWary = false;
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
    this.#upstream = this.#connect();
  }

  /** What comes over a connection that another one has taken the place of is not heard. */
  #connect(): Upstream {
    const upstream = ++this.#upstreams;
    const isCurrent = (): boolean => upstream === this.#upstreams;
    return this.#options.connect({
      onOpen: () => isCurrent() && this.#open(),
      onMessage: (message) => isCurrent() && this.#receive(message),
      onClose: (why, isFinal) => isCurrent() && this.#closed(why, isFinal),
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
        if (message.reason === 'audit' && this.#options.audits) return void this.#comeBack(message);
        return this.#finish({ kind: 'refused', reason: message.reason, detail: message.detail });
      case 'finished':
        this.#closeSession(message);
        return this.#finish({ kind: 'finished', reason: message.reason });
      default:
        message satisfies never;
    }
  }

  /** It was expelled for what its workers said. Where it has found a liar it comes back; and once where it has not. */
  async #comeBack({ reason, detail }: Extract<ToWorker, { type: 'refused' }>): Promise<void> {
    const session = this.#session;
    // Nothing is heard any more of how this connection ends.
    this.#upstreams++;
    this.#connection++;
    this.#isConnected = false;
    this.#isAway = true;
    this.#upstream.close();
    this.#closeSession();
    await this.#work;
    if (this.#hasEnded) return;
    // Nothing that it gave is trusted.
    this.#owed.length = 0;
    const hasFound = (session?.liesFound ?? 0) > 0;
    if (!hasFound && this.#isWary) return this.#finish({ kind: 'refused', reason, detail });
    this.#isWary = !hasFound;
    const what = hasFound ? 'whoever lied is expelled here' : 'it looks at all that is said here';
    const message = `this relay was expelled: ${detail}; ${what}, and it comes back`;
    this.#options.onNews({ type: 'notice', level: 'warning', message });
    this.#upstream = this.#connect();
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
    const { run } = welcome;
    const send = (message: FromWorker): void => {
      if (isCurrent()) this.#upstream.send(message);
    };
    const retract = (message: Retraction): void => {
      if (isCurrent()) this.#upstream.send(message);
      else this.#owed.push({ run, message });
    };
    this.#work = this.#work.then(async () => {
      if (!isCurrent()) return;
      for (const owed of this.#owed.splice(0)) if (owed.run === run) send(owed.message);
      const [blocks, firstShares] = [this.#blocks, this.#firstShares];
      const own = { welcome, blocks, firstShares, send, retract };
      const audits = await this.#auditsOf(welcome, isCurrent);
      if (!isCurrent()) return;
      try {
        const session = await openSession({ ...this.#options, ...own, audits });
        if (isCurrent()) this.#session = session;
        else await session.close();
      } catch (error) {
        if (isCurrent()) this.#finish({ kind: 'failed', error: error as Error });
      }
    });
  }

  async #auditsOf(welcome: Welcome, isWanted: () => boolean): Promise<AuditOrder | undefined> {
    const { audits } = this.#options;
    if (audits === undefined) return undefined;
    // However long it takes until it can audit, it has come.
    this.#upstream.send({ type: 'crew', workers: 0, engine: '', samplesPerSecond: 0 });
    try {
      const audit = await audits.prepare(welcome, () => this.#blocks.all(welcome.data, isWanted));
      return { rate: this.#isWary ? 1 : audits.rate, audit };
    } catch (error) {
      const detail = `it cannot audit: ${(error as Error).message}`;
      if (isWanted()) this.#finish({ kind: 'refused', reason: 'relay', detail });
      return undefined;
    }
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
