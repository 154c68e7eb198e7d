import type { Schedule } from '../contracts.ts';

/** The configured rate at every step. */
export const constant = (): Schedule => () => 1;
