// The flag for runs whose workers may lie: how the gradients of a step's shards become one.
import { aggregations } from '../shared/aggregations/index.ts';
import { aggregationNames } from '../shared/aggregations/names.ts';
import { hasFeedback } from '../shared/codecs/index.ts';
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

/** Throws CliError where nobody could tell who lies. */
export function aggregationOf(
  aggregation: (typeof choices)[number] = 'mean',
  { shards, codecs }: Pick<RunConfig, 'shards' | 'codecs'>,
): Pick<RunConfig, 'aggregation'> {
  // The usual way has no name in a configuration: those of before had none.
  if (aggregation === 'mean') return {};
  if (hasFeedback(codecs.gradients)) {
    throw new CliError(
      'usage',
      `--aggregation: ${aggregation} compares gradients, of which --codec ${codecs.gradients} leaves out most.`,
      { hint: 'Take another --codec: int8 is the smallest.' },
    );
  }
  const { leastShards } = aggregations[aggregation];
  if (shards >= leastShards) return { aggregation };
  throw new CliError(
    'usage',
    `--aggregation: ${aggregation} needs at least ${leastShards} shards, and a step has ${shards}.`,
    { hint: 'Cut steps into more with --shards, a power of two: several for each worker.' },
  );
}
