// What a step's gradients can become one by in place of their mean, by name: a configuration needs no more, and pages
// have no room for the rest.

export const aggregationNames = ['median', 'trimmed-mean', 'clipped', 'norm-bound'] as const;
export type AggregationName = (typeof aggregationNames)[number];
