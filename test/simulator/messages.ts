// What travels between the coordinator and its workers here: the protocol without its bytes.
import type { Answer, Effect } from '../../coordinator/core-types.ts';

export type Lease = Extract<Effect, { type: 'lease' }>;

export type ToSimWorker =
  | { readonly type: 'welcome' }
  | { readonly type: 'weights'; readonly version: number; readonly values: Float32Array }
  | Lease
  | { readonly type: 'refused' }
  | { readonly type: 'finished' };

export type FromSimWorker =
  | { readonly type: 'ready'; readonly samplesPerSecond: number }
  /** `order` is its place among those of a connection, which keeps them in order. */
  | {
      readonly type: 'crew';
      readonly order: number;
      readonly workers: number;
      readonly samplesPerSecond: number;
    }
  | { readonly type: 'answer'; readonly answer: Answer }
  | { readonly type: 'malformed' }
  /** More messages than it may send. */
  | { readonly type: 'flood' }
  | { readonly type: 'leave' };
