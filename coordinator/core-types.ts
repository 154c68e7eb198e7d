// What goes into the state machine and what comes out of it.
import type { Counters } from '../shared/events.ts';
import type { RejectReason, ShardRun } from '../shared/protocol.ts';
import type { Snapshot } from './checkpoint.ts';
import type { LedgerRecord } from './ledger.ts';

/** A worker's answer to one leased run, decoded. */
export interface Answer extends ShardRun {
  readonly epoch: number;
  readonly step: number;
  readonly version: number;
  readonly samples: number;
  readonly lossSum: number;
  readonly correct: number;
  /** Only read, and only until it is accepted or refused: then a step may hold that memory, or another answer come there. */
  readonly gradient: Float32Array;
  /** `sumOfSquares` of what came, where decoding told. */
  readonly squares?: number;
  /** Decoding has added what the step holds beside this run: `gradient` is the sum of both. */
  readonly isJoined?: boolean;
  /** The same as it came, where it came over a wire. */
  readonly payload?: Uint8Array;
}

/** What the workers of a coordinator or a relay do. */
export type CrewEvent =
  | { readonly type: 'joined'; readonly worker: string; readonly name: string }
  | { readonly type: 'ready'; readonly worker: string; readonly samplesPerSecond: number }
  /** A relay has so many workers now, which are so fast together; with none it is not ready. */
  | {
      readonly type: 'crew';
      readonly worker: string;
      readonly workers: number;
      readonly samplesPerSecond: number;
    }
  | { readonly type: 'left'; readonly worker: string }
  | { readonly type: 'answer'; readonly worker: string; readonly answer: Answer }
  /** A message that could not even become an answer. */
  | { readonly type: 'bad-message'; readonly worker: string; readonly reason: RejectReason }
  /** Somebody decided that this worker must go. */
  | Expulsion;

export type CoreEvent =
  | CrewEvent
  /** Finish the step in progress, write a checkpoint, end. */
  | { readonly type: 'stop' }
  /** End at once: whoever goes on from here does so from an earlier checkpoint. */
  | { readonly type: 'undo' }
  /** Open no further step, because something else must catch up first; 'none' goes on. */
  | { readonly type: 'hold'; readonly cause: HoldCause }
  /** Open no further step until `resume`, because this person wants it so. */
  | { readonly type: 'pause'; readonly by: string }
  | { readonly type: 'resume' }
  /** Hand out a snapshot now. */
  | { readonly type: 'checkpoint' }
  /** Nothing happened but time. */
  | { readonly type: 'tick' };

export interface Expulsion {
  readonly type: 'expel';
  readonly worker: string;
  readonly reason: RejectReason;
  /** What it is told, where that is more than the reason. */
  readonly detail?: string;
}

export interface EpochSummary {
  /** From 0. */
  readonly epoch: number;
  readonly lossSum: number;
  readonly correct: number;
  readonly samples: number;
  readonly seconds: number;
}

export type EndReason = 'completed' | 'stopped' | 'diverged' | 'undone';

/** What becomes of the workers of a coordinator or a relay. */
export type CrewEffect =
  | { readonly type: 'weights'; readonly worker: string; readonly version: number }
  | {
      readonly type: 'lease';
      readonly worker: string;
      readonly epoch: number;
      readonly step: number;
      readonly version: number;
      readonly runs: readonly ShardRun[];
    }
  /** There is nothing to do for this worker at present. */
  | { readonly type: 'standby'; readonly worker: string; readonly workers: number }
  /** The worker let a lease expire; its shards are open again. */
  | { readonly type: 'late'; readonly worker: string; readonly silentMs: number }
  /** Where workers keep something of their answers: whether this one is in its step. */
  | {
      readonly type: 'verdict';
      readonly worker: string;
      readonly run: ShardRun & { readonly version: number };
      readonly counts: boolean;
    }
  /** An answer was not used. */
  | { readonly type: 'refuse'; readonly worker: string; readonly reason: RejectReason }
  | Expulsion;

export type Effect =
  | CrewEffect
  | { readonly type: 'commit'; readonly record: LedgerRecord }
  /** An epoch is committed: evaluate the snapshot's weights, then keep it as a checkpoint. */
  | { readonly type: 'epoch'; readonly summary: EpochSummary; readonly snapshot: Snapshot }
  | { readonly type: 'checkpoint'; readonly snapshot: Snapshot }
  | { readonly type: 'end'; readonly reason: EndReason; readonly snapshot: Snapshot };

export type HoldCause = 'none' | 'checkpoint' | 'evaluation';

/** Why nothing moves. */
export type WaitingCause =
  | { readonly cause: HoldCause }
  | { readonly cause: 'paused'; readonly by: string }
  | {
      readonly cause: 'workers';
      readonly preparing: number;
      /** Ready, but nothing has been heard of them for too long. */
      readonly silent: number;
    }
  | {
      readonly cause: 'shard';
      readonly shard: number;
      readonly holder: string;
      readonly heldMs: number;
    };

export type CoreCounters = Omit<Counters, 'bytesIn' | 'bytesOut' | 'dataBytesOut'>;
