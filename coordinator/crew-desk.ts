// The crew at its sockets: what workers say becomes events, what is decided about them goes out to them. The same for a
// coordinator and a relay.
import type { Server } from 'socket.io';
import type { RunConfig } from '../shared/config.ts';
import { cleanName } from '../shared/names.ts';
import type { PayloadSlots } from '../shared/payload-slots.ts';
import {
  type DataManifest,
  type FromWorker,
  type RejectReason,
  rejectReasons,
  type ToWorker,
} from '../shared/protocol.ts';
import { answerEvent, type ExpectedAnswers } from './answer-event.ts';
import type { CrewEffect, CrewEvent } from './core-types.ts';
import type { Limits } from './limits.ts';
import type { Member } from './membership.ts';
import type { MemoryLanes } from './memory-lanes.ts';
import { openWorkChannel, type WorkChannel, type WorkerPeer } from './work-channel.ts';
import type { Equipment, WorkerEvent } from './worker-table.ts';

type FromWorkerOf<Type extends FromWorker['type']> = Extract<FromWorker, { type: Type }>;
export type WeightsMessage = Extract<ToWorker, { type: 'weights' }>;

/** Whoever tells others what becomes of workers. All times are monotonic, in milliseconds. */
export interface CrewWatcher {
  joined(peer: WorkerPeer): void;
  /** Before it becomes ready. */
  equipped(worker: string, equipment: Equipment): void;
  /** One that is gone already has its number in place of its name. */
  became(
    worker: Pick<WorkerPeer, 'worker' | 'name'>,
    action: WorkerEvent['action'],
    reason?: string,
  ): void;
  leased(worker: string, runs: number, now: number): void;
  answered(worker: string, computeMs: number, now: number): void;
  refused(worker: string, reason: RejectReason): void;
  /** One of this relay's workers lied: what the relay gave from this version on is not to be trusted. */
  retracted(relay: WorkerPeer, since: number, reason: string): void;
}

export interface CrewDeskOptions {
  readonly io: Server;
  readonly limits: Pick<Limits, 'joinTimeoutMs' | 'messagesPerSecond'>;
  readonly run: string;
  readonly config: RunConfig;
  /** The highest number that a worker of this run ever had; 0 unless told. */
  readonly lastWorker?: number;
  readonly data: DataManifest;
  /** How gradients come, and where they are decoded. */
  readonly gradients: Omit<ExpectedAnswers, 'run' | 'beside'>;
  readonly core: {
    readonly members: ReadonlyMap<string, { readonly state: Pick<Member['state'], 'kind'> }>;
    readonly ended: boolean;
    /** As of `ExpectedAnswers`, where answers are added up as they are decoded. */
    readonly beside?: ExpectedAnswers['beside'];
  };
  readonly dispatch: (event: CrewEvent) => void;
  /** One message object a version: it is encoded once, and every worker gets the same bytes. */
  readonly weightsAt: (version: number) => WeightsMessage;
  /** What a lease says beyond its shards. */
  readonly termsOf: (version: number) => { readonly learningRate?: number };
  /** Where the payloads of weights are. */
  readonly payloads: PayloadSlots;
  /** For workers of this machine. */
  readonly lanes?: MemoryLanes;
  readonly watcher: CrewWatcher;
  /** Somebody who never became a worker. */
  readonly onRefused: (name: string, why: string) => void;
  /** A mistake of ours. */
  readonly onFailure: (error: unknown) => void;
}

export class CrewDesk {
  readonly channel: WorkChannel;
  readonly #options: CrewDeskOptions;
  readonly #expected: ExpectedAnswers;
  /** Workers whose next lease is not sent, because the weights for it were not. */
  readonly #withheld = new Set<string>();

  constructor(options: CrewDeskOptions) {
    const { io, limits, run, core, gradients, dispatch, onRefused, onFailure } = options;
    this.#options = options;
    this.#expected = { run, ...gradients, beside: (answer) => core.beside?.(answer) };
    this.channel = openWorkChannel(
      io,
      {
        joined: (peer) => this.#joined(peer),
        message: (peer, message) => this.#receive(peer, message),
        badMessage: ({ worker }, reason) => dispatch({ type: 'bad-message', worker, reason }),
        left: (peer, why) => this.#left(peer, why),
        refused: (name, reason) => onRefused(name, rejectReasons[reason]),
        failed: onFailure,
        unbearable: ({ worker }, reason) => dispatch({ type: 'expel', worker, reason }),
      },
      limits,
      options,
    );
  }

  perform(effect: CrewEffect, now: number): void {
    const { channel } = this;
    const { watcher, config, termsOf } = this.#options;
    switch (effect.type) {
      case 'weights':
        return this.#sendWeights(effect.worker, effect.version);
      case 'lease': {
        const { worker, runs, ...lease } = effect;
        if (this.#withheld.delete(worker)) return;
        watcher.leased(worker, runs.length, now);
        channel.send(worker, { ...lease, ...termsOf(lease.version), runs: [...runs] });
        return;
      }
      case 'standby': {
        const { worker, workers } = effect;
        const { shards } = config;
        channel.send(worker, { type: 'standby', shards, workers });
        return this.#tell(worker, 'standby', `${workers} workers for ${shards} shards a step`);
      }
      case 'verdict': {
        const { worker, run, counts } = effect;
        channel.send(worker, { type: 'verdict', ...run, counts });
        return;
      }
      case 'late':
        return this.#tell(effect.worker, 'late', `silent for ${seconds(effect.silentMs)}`);
      case 'refuse':
        watcher.refused(effect.worker, effect.reason);
        if (effect.reason === 'late' || effect.reason === 'duplicate') return;
        return this.#tell(effect.worker, 'rejected', rejectReasons[effect.reason]);
      case 'expel': {
        const { worker, reason, detail = rejectReasons[reason] } = effect;
        this.#tell(worker, 'expelled', detail);
        return channel.dismiss(worker, { type: 'refused', reason, detail });
      }
      default:
        effect satisfies never;
    }
  }

  #joined(peer: WorkerPeer): void {
    const { worker, name } = peer;
    const { run, config, data, dispatch, watcher } = this.#options;
    dispatch({ type: 'joined', worker, name });
    this.channel.send(worker, { type: 'welcome', worker, run, config, data });
    watcher.joined(peer);
  }

  #receive(peer: WorkerPeer, message: FromWorker): void {
    const { dispatch, watcher } = this.#options;
    switch (message.type) {
      case 'ready':
        return this.#ready(peer, message);
      case 'crew':
        return this.#crew(peer, message);
      case 'gradient':
        watcher.answered(peer.worker, message.computeMs, performance.now());
        return dispatch(answerEvent(peer.worker, message, this.#expected));
      case 'retract': {
        const { since, reason } = message;
        if (peer.kind === 'relay')
          return watcher.retracted(peer, since, cleanName(reason, 'a lie', 200));
        return dispatch({ type: 'bad-message', worker: peer.worker, reason: 'unexpected' });
      }
      case 'leave':
        this.#left(peer, cleanName(message.reason, 'no reason given'));
        return this.channel.dismiss(peer.worker);
      default:
        message satisfies never;
    }
  }

  #ready(peer: WorkerPeer, { engine, samplesPerSecond }: FromWorkerOf<'ready'>): void {
    const { worker } = peer;
    const { core, dispatch, watcher } = this.#options;
    if (core.members.get(worker)?.state.kind !== 'preparing') {
      return dispatch({ type: 'bad-message', worker, reason: 'unexpected' });
    }
    if (!this.#isWanted(engine)) return dispatch({ type: 'expel', worker, reason: 'engine' });
    watcher.equipped(worker, { engine: cleanName(engine, 'an engine') });
    dispatch({ type: 'ready', worker, samplesPerSecond });
    watcher.became(peer, 'ready');
  }

  #crew(peer: WorkerPeer, message: FromWorkerOf<'crew'>): void {
    const { worker } = peer;
    const { core, dispatch, watcher } = this.#options;
    const { workers, samplesPerSecond } = message;
    const state = core.members.get(worker)?.state;
    if (peer.kind !== 'relay' || state === undefined) {
      return dispatch({ type: 'bad-message', worker, reason: 'unexpected' });
    }
    if (workers > 0 && !this.#isWanted(message.engine)) {
      return dispatch({ type: 'expel', worker, reason: 'engine' });
    }
    const wasReady = state.kind !== 'preparing';
    const engine = workers > 0 && { engine: cleanName(message.engine, 'an engine') };
    watcher.equipped(worker, { ...engine, behind: workers });
    dispatch({ type: 'crew', worker, workers, samplesPerSecond });
    if (workers === 0) watcher.became(peer, 'standby', 'nobody computes for it');
    else if (!wasReady) watcher.became(peer, 'ready');
  }

  /** Behind its name an engine may say more: `tfjs:tensorflow (gpu)`. */
  #isWanted(engine: string): boolean {
    const { engine: wanted } = this.#options.config;
    return wanted === undefined || engine.split(' ', 1)[0] === wanted;
  }

  #left(peer: WorkerPeer, reason: string): void {
    const { core, dispatch, watcher } = this.#options;
    // After the end everybody goes, and an expelled worker is gone already.
    if (core.ended || !core.members.has(peer.worker)) return;
    dispatch({ type: 'left', worker: peer.worker });
    watcher.became(peer, 'left', reason);
  }

  #sendWeights(worker: string, version: number): void {
    const { channel } = this;
    if (channel.isBehind(worker)) {
      // It does not read: this lease will run out, and no second copy piles up meanwhile.
      this.#withheld.add(worker);
      return;
    }
    const message = this.#options.weightsAt(version);
    const carrier = channel.send(worker, message);
    if (carrier !== undefined) this.#options.payloads.lend(message.payload, carrier);
  }

  #tell(worker: string, action: WorkerEvent['action'], reason: string): void {
    const name = this.channel.nameOf(worker) ?? worker;
    this.#options.watcher.became({ worker, name }, action, reason);
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
