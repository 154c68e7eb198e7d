// What befell a simulated run, counted: a fault that never happens tests nothing.

export const happenings = [
  'message dropped',
  'message duplicated',
  'message reordered',
  'connection broken',
  'worker crashed',
  'worker hung',
  'worker left',
  'relay without workers',
  'nobody left',
  'lie told',
  'liar expelled',
  'lease expired',
  'second copy',
  'shard leased anew',
  'shards leased again',
  'answer late',
  'answer duplicate',
  'answer of a suspect used',
  'coordinator killed between effects',
  'coordinator killed while it saves',
  'coordinator killed elsewhere',
  'power cut',
  'write torn',
  'disk error',
  'checkpoint saved',
  'checkpoint altered',
  'checkpoint skipped',
  'ledger shortened',
  'run resumed',
  'training held',
  'stopped by its owner',
  'paused by its owner',
  'checkpoint asked for',
  'learning rate changed',
  'learning rate not recorded',
  'change of the learning rate taken back to',
  'worker sent away',
  'run taken back',
  'killed while it is taken back',
  'given up as diverged',
] as const;

export type Happening = (typeof happenings)[number];
export type Tally = Record<Happening, number>;

export function emptyTally(): Tally {
  return Object.fromEntries(happenings.map((happening) => [happening, 0])) as Tally;
}

export function addTally(sum: Tally, added: Tally): void {
  for (const happening of happenings) sum[happening] += added[happening];
}
