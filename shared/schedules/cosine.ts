import type { Schedule } from '../contracts.ts';

/** Half a cosine from the configured rate down to 0 at the end (Loshchilov and Hutter, SGDR, one cycle). */
export const cosine = (): Schedule => (at, totalSteps) =>
  (1 + Math.cos((Math.PI * Math.min(at, totalSteps)) / totalSteps)) / 2;
