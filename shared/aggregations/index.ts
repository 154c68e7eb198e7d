// The registry of aggregations that stand some lies: a new one is a file here, its name in names.ts, and a line below.
// The mean is not among them: it is a sum, of which workers may compute parts.
import type { Aggregation } from '../contracts.ts';
import { clipped } from './clipped.ts';
import { median } from './median.ts';
import type { AggregationName } from './names.ts';
import { normBound } from './norm-bound.ts';
import { trimmedMean } from './trimmed-mean.ts';

export const aggregations: Readonly<Record<AggregationName, Aggregation>> = {
  median,
  'trimmed-mean': trimmedMean,
  clipped,
  'norm-bound': normBound,
};
