// The flags of syncing less: how far replicas go alone, and how they become one again.
import { type SyncConfig, syncModes } from '../shared/sync.ts';
import { kebabCase } from './command.ts';
import { CliError } from './exit-codes.ts';

/** Not a mode: it is one of them when the lines of the workers are measured. */
export const measuredSync = 'auto';

const defaults = { localSteps: 16, outerLearningRate: 1, outerMomentum: 0 } as const;

const local = (describe: string, byDefault: number) =>
  ({
    type: 'number',
    describe: `With --sync local: ${describe}`,
    defaultDescription: String(byDefault),
    requiresArg: true,
    group: 'Cluster:',
  }) as const;

export const syncOptions = {
  sync: {
    choices: [...syncModes, measuredSync],
    describe:
      'At every step, or after rounds of local steps on --shards replicas; auto measures the lines first',
    defaultDescription: 'step',
    group: 'Cluster:',
  },
  line: {
    type: 'string',
    describe: 'Choose codecs and local steps for workers behind such lines: 20mbit',
    requiresArg: true,
    group: 'Cluster:',
  },
  'local-steps': local('steps of each replica in a round', defaults.localSteps),
  'outer-learning-rate': local('factor of what a round changed', defaults.outerLearningRate),
  'outer-momentum': local("Nesterov's momentum over rounds", defaults.outerMomentum),
} as const;

interface SyncFlags extends Partial<Record<keyof typeof defaults, number>> {
  /** Until it is measured, `auto` is as if nothing were said. */
  readonly sync?: SyncConfig['mode'] | typeof measuredSync;
}

/** Throws CliError for a flag that means nothing to the mode. */
export function syncConfigOf(flags: SyncFlags): SyncConfig {
  const names = Object.keys(defaults) as (keyof typeof defaults)[];
  const given = names.filter((name) => flags[name] !== undefined);
  if (flags.sync === 'local') {
    return {
      mode: 'local',
      ...defaults,
      ...Object.fromEntries(given.map((name) => [name, flags[name]])),
    };
  }
  const [stray] = given;
  if (stray === undefined) return { mode: 'step' };
  throw new CliError('usage', `--${kebabCase(stray)} means nothing without --sync local.`);
}
