// What hostile workers say. Numbers that are wrong but plausible are not among it: nobody could tell.
import type { Answer } from '../../coordinator/core-types.ts';
import type { ShardRun } from '../../shared/protocol.ts';
import type { Draw } from './draw.ts';
import type { FromSimWorker } from './messages.ts';

export const lies = [
  'NaN',
  'infinity',
  '1e30',
  'NaN loss',
  'huge loss',
  'wrong length',
  'wrong count',
  'countless samples',
  'too many correct',
  'stale version',
  'future version',
  'never leased',
  'out of range',
  'other epoch',
  'malformed',
  'flood',
  'silence',
  'repetition',
  'absurd speed',
] as const;

export type Lie = (typeof lies)[number];

export interface Liar {
  readonly draw: Draw;
  readonly shards: number;
  /** The true answer for any run of the same step. */
  answerFor(run: ShardRun): Answer;
}

/** What is sent instead of the answer. */
export function tell(lie: Lie, answer: Answer, { draw, shards, answerFor }: Liar): FromSimWorker[] {
  const { version, epoch, samples, gradient, start, length } = answer;
  const say = (changed: Partial<Answer>): FromSimWorker[] => [
    { type: 'answer', answer: { ...answer, ...changed } },
  ];
  const spoilt = (value: number): Float32Array =>
    gradient.with(draw.integer(0, gradient.length - 1), value);
  switch (lie) {
    case 'NaN':
      return say({ gradient: spoilt(Number.NaN) });
    case 'infinity':
      return say({ gradient: spoilt(Number.NEGATIVE_INFINITY) });
    case '1e30':
      return say({ gradient: spoilt(1e30) });
    case 'NaN loss':
      return say({ lossSum: Number.NaN });
    case 'huge loss':
      return say({ lossSum: draw.pick([1e30, -1e308]) });
    case 'wrong length':
      return say({ gradient: new Float32Array(draw.pick([0, gradient.length - 1, 1000])) });
    case 'wrong count':
      return say({ samples: samples + draw.pick([-1, 1]) });
    case 'countless samples':
      return say({ samples: Number.MAX_SAFE_INTEGER });
    case 'too many correct':
      return say({ correct: samples + 1 });
    case 'stale version':
      return say({ version: Math.max(0, version - draw.integer(1, 3)) });
    case 'future version':
      return say({ version: version + draw.integer(1, 3) });
    case 'never leased':
      return [{ type: 'answer', answer: answerFor(randomRun(draw, shards)) }];
    case 'out of range':
      return say({ start: start + shards, length: length + draw.integer(0, 1) });
    case 'other epoch':
      return say({ epoch: epoch + 1 });
    case 'malformed':
      return [{ type: 'malformed' }];
    case 'flood':
      return [{ type: 'flood' }];
    case 'silence':
      return [];
    case 'repetition':
      return draw.several(2, 6, () => say({})).flat();
    case 'absurd speed':
      return say({});
    default:
      return lie satisfies never;
  }
}

/** Zero is what a speed may not be: these are as near to it, and to infinity, as the protocol lets pass. */
export function absurdSpeed(draw: Draw): number {
  return draw.pick([Number.MIN_VALUE, 1e-9, 1e9, Number.MAX_VALUE]);
}

function randomRun(draw: Draw, shards: number): ShardRun {
  const length = 2 ** draw.integer(0, Math.log2(shards));
  return { start: length * draw.integer(0, shards / length - 1), length };
}
