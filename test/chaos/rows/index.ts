// The rows of the suite, by number. A new one is one file and one line here.
import type { Row } from '../trial.ts';
import { bitsFlipped } from './bits-flipped.ts';
import { checkpointAltered } from './checkpoint-altered.ts';
import { clockJumps } from './clock-jumps.ts';
import { coordinatorKilled } from './coordinator-killed.ts';
import { diskFull } from './disk-full.ts';
import { floods } from './floods.ts';
import { liars } from './liars.ts';
import { messagesRepeated } from './messages-repeated.ts';
import { partition } from './partition.ts';
import { relayKilled } from './relay-killed.ts';
import { shortLives } from './short-lives.ts';
import { twoCoordinators } from './two-coordinators.ts';
import { workerAskedToGo } from './worker-asked-to-go.ts';
import { workerFrozen } from './worker-frozen.ts';
import { workerKilled } from './worker-killed.ts';
import { workerLate } from './worker-late.ts';
import { workerSlow } from './worker-slow.ts';
import { workersReplaced } from './workers-replaced.ts';

export const rows: readonly Row[] = [
  workerKilled,
  workersReplaced,
  workerAskedToGo,
  coordinatorKilled,
  workerFrozen,
  workerSlow,
  workerLate,
  partition,
  bitsFlipped,
  messagesRepeated,
  diskFull,
  checkpointAltered,
  clockJumps,
  liars,
  floods,
  shortLives,
  twoCoordinators,
  relayKilled,
];
