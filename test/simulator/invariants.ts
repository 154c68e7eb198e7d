// What must hold of a core and of what it writes down, whatever happened before.
import type { Snapshot } from '../../coordinator/checkpoint.ts';
import type { CoreCounters, Effect } from '../../coordinator/core-types.ts';
import { auditLedger, type LedgerRecord } from '../../coordinator/ledger.ts';
import type { Member } from '../../coordinator/membership.ts';
import type { Plan } from '../../shared/plan.ts';
import { type Reference, replay, type Totals } from './reference.ts';
import { violated } from './violation.ts';

export interface Expectations {
  readonly plan: Plan;
  readonly reference: Reference;
}

/** The timer must fall in the future, and before anything that is due. */
export function checkWakeAt(
  wakeAt: number,
  members: ReadonlyMap<string, Readonly<Member>>,
  now: number,
): void {
  if (!(wakeAt > now)) violated(`at ${now} it wants to be woken at ${wakeAt}`);
  for (const { worker, state } of members.values()) {
    const dueAt =
      state.kind === 'working'
        ? state.lease.expiresAt
        : state.kind === 'suspect'
          ? state.retryAt
          : Number.POSITIVE_INFINITY;
    if (!(wakeAt <= dueAt)) violated(`it sleeps until ${wakeAt}, but ${worker} is due at ${dueAt}`);
  }
}

export interface CountersCheck {
  readonly before: CoreCounters;
  readonly after: CoreCounters;
  readonly effects: readonly Effect[];
  /** Of the ledger and of the step in progress, as the counters should have them. */
  readonly expected: Pick<CoreCounters, 'samplesCommitted' | 'gradientsAccepted'>;
  readonly samplesPerStep: number;
}

/** What is counted is what the ledger and the refusals come to. */
export function checkCounters(check: CountersCheck): void {
  const { before, after, effects, samplesPerStep } = check;
  const expected = {
    ...check.expected,
    gradientsLate: before.gradientsLate,
    gradientsDuplicate: before.gradientsDuplicate,
    gradientsRejected: before.gradientsRejected,
  };
  let maxWasted = 0;
  for (const effect of effects) {
    // An answer that was refused, or all of a step that was given up.
    if (effect.type === 'refuse' || effect.type === 'end') maxWasted += samplesPerStep;
    if (effect.type !== 'refuse') continue;
    if (effect.reason === 'late') expected.gradientsLate++;
    else if (effect.reason === 'duplicate') expected.gradientsDuplicate++;
    else expected.gradientsRejected++;
  }
  for (const [counter, count] of Object.entries({ ...after, ...expected })) {
    const found = after[counter as keyof CoreCounters];
    if (found !== count) violated(`${counter} is ${found}, not ${count}`);
  }
  const wasted = after.samplesWasted - before.samplesWasted;
  if (!(wasted >= 0 && wasted <= maxWasted)) violated(`${wasted} samples wasted`);
}

/** A snapshot is the reference at its version, and nothing that later steps change. */
export function checkSnapshot(
  snapshot: Snapshot,
  { plan, reference }: Expectations,
  samplesCommitted: number,
): void {
  const { version, epochTotals } = snapshot;
  const stage = reference.stageAt(version);
  const { epoch, step } = plan.position(version);
  if (snapshot.epoch !== epoch || snapshot.step !== step) violated(`a snapshot of ${step}`);
  checkVector('weights', version, snapshot.weights, stage.weights);
  checkVector('momentum', version, snapshot.optimizer.momentum, stage.momentum);
  const empty: Totals = { lossSum: 0, correct: 0, samples: 0 };
  checkTotals(epochTotals, step === 0 ? empty : stage.epoch);
  if ((snapshot.counters?.samplesCommitted ?? 0) !== samplesCommitted) {
    violated(`a snapshot of version ${version} counts other samples than its ledger`);
  }
}

export function checkTotals(totals: Snapshot['epochTotals'], expected: Totals): void {
  for (const field of ['lossSum', 'correct', 'samples'] as const) {
    if (totals[field] === expected[field]) continue;
    violated(`an epoch’s ${field} is ${totals[field]}, not ${expected[field]}`);
  }
  if (!(totals.seconds >= 0)) violated(`an epoch took ${totals.seconds} s`);
}

export function checkVector(
  what: string,
  version: number,
  found: Float32Array,
  expected: Float32Array,
): void {
  const isSame =
    found.length === expected.length && found.every((value, at) => Object.is(value, expected[at]));
  if (!isSame) violated(`${what} at version ${version} are ${found}, not ${expected}`);
}

/** After a restart the state is what the ledger, replayed, comes to. */
export function checkResumed(
  snapshot: Snapshot,
  ledger: readonly LedgerRecord[],
  expectations: Expectations,
): void {
  const { version, weights, optimizer } = snapshot;
  const replayed = replay(ledger, expectations.plan);
  if (replayed.version !== version) {
    violated(`the ledger ends at ${replayed.version}, its checkpoint at ${version}`);
  }
  checkVector('replayed weights', version, weights, replayed.weights);
  checkVector('replayed momentum', version, optimizer.momentum, replayed.momentum);
  checkSnapshot(snapshot, expectations, samplesOf(ledger));
}

/** Each version is there once, and each sample of a finished epoch counted once. */
export function checkFinalLedger(ledger: readonly LedgerRecord[], { plan }: Expectations): void {
  if (ledger.length !== plan.totalSteps) violated(`the ledger has ${ledger.length} records`);
  ledger.forEach(({ version }, index) => {
    if (version !== index + 1) violated(`record ${index + 1} of the ledger is of ${version}`);
  });
  const trainSamples = Array.from({ length: plan.stepsPerEpoch }, (_, step) => plan.stepSize(step));
  const audits = auditLedger(ledger, {
    trainSamples: trainSamples.reduce((sum, samples) => sum + samples, 0),
    shardIndices: plan.shardIndices,
  });
  for (const { epoch, seen, lost, twice } of audits) {
    if (twice.length > 0) violated(`epoch ${epoch} counts ${twice} more than once`);
    const committed = samplesOf(ledger.filter((record) => record.epoch === epoch));
    const isFinished = (epoch + 1) * plan.stepsPerEpoch <= plan.totalSteps;
    if (isFinished ? lost.length > 0 : seen !== committed) violated(`epoch ${epoch} lost ${lost}`);
  }
}

export function samplesOf(ledger: readonly LedgerRecord[]): number {
  return ledger.reduce((sum, { samples }) => sum + samples, 0);
}
