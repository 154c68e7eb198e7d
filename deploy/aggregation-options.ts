// The flag for runs whose workers may lie: how the gradients of a step's shards become one.
import { aggregations } from '../shared/aggregations/index.ts';
import { aggregationNames } from '../shared/aggregations/names.ts';
import type { RunConfig } from '../shared/config.ts';
import { CliError } from './exit-codes.ts';

const choices = ['mean', ...aggregationNames] as const;

export const aggregationOptions = {
  aggregation: {
    choices,
    describe: 'How the gradients of the shards become one; all but the mean stand some lies',
    defaultDescription: 'mean',
    group: 'Cluster:',
  },
} as const;

/** Throws CliError where the shards are too few to tell who lies. */
export function aggregationOf(
  aggregation: (typeof choices)[number] = 'mean',
  shards: number,
): Pick<RunConfig, 'aggregation'> {
  // The usual way has no name in a configuration: those of before had none.
  if (aggregation === 'mean') return {};
  const { leastShards } = aggregations[aggregation];
  if (shards >= leastShards) return { aggregation };
  throw new CliError(
    'usage',
    `--aggregation: ${aggregation} needs at least ${leastShards} shards, and a step has ${shards}.`,
    { hint: 'Cut steps into more with --shards, a power of two: several for each worker.' },
  );
}
