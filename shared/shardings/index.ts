// The registry of ways to deal the training set out to shards: a new one is a file here and a line below.
import type { Sharding } from '../contracts.ts';
import { shuffled } from './shuffled.ts';
import { sticky } from './sticky.ts';

export const shardings = {
  shuffled,
  sticky,
} satisfies Record<string, Sharding>;

export type ShardingName = keyof typeof shardings;
export const shardingNames = Object.keys(shardings) as ShardingName[];
