// How often what workers learn becomes one: at every batch, or after rounds. A step of the plan is then a round, each
// of its shards the work of one replica, which takes local steps through it from the weights that all begin with.
import * as v from 'valibot';

export const syncModes = ['step', 'local'] as const;

export const syncSchema = v.variant('mode', [
  v.strictObject({ mode: v.literal('step') }),
  v.strictObject({
    mode: v.literal('local'),
    /** Batches that a replica learns from in a round. */
    localSteps: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
    /** 1 takes the mean of the replicas as it is. */
    outerLearningRate: v.pipe(v.number(), v.finite(), v.gtValue(0)),
    /** Nesterov's; 0 for none. */
    outerMomentum: v.pipe(v.number(), v.minValue(0), v.ltValue(1)),
  }),
]);

export type SyncConfig = v.InferOutput<typeof syncSchema>;

/** Updates of the weights in a whole step of the plan. */
export function localStepsOf(sync: SyncConfig): number {
  return sync.mode === 'local' ? sync.localSteps : 1;
}

/** What one step of the plan is, for people. */
export function stepNoun({ mode }: SyncConfig): 'step' | 'round' {
  return mode === 'local' ? 'round' : 'step';
}
