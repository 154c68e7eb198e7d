// Wrong tokens, counted by the address that they come from. No number of guesses finds 130 random bits: this keeps
// somebody who tries from wearing the coordinator out.

export interface GuessLimit {
  /** `now` in milliseconds, here and there. */
  add(address: string, now: number): void;
  areTooMany(address: string, now: number): boolean;
  /**
   * Somebody brought a right token from there. Many may share an address, behind a proxy or a router: guesses of one
   * of them never keep the others out.
   */
  cameIn(address: string): void;
}

export interface GuessLimitOptions {
  /** As many at once. */
  readonly most?: number;
  /** So many of them are forgotten each second. */
  readonly forgottenPerSecond?: number;
  /** Of more addresses than this, the one that was heard of longest ago is forgotten. */
  readonly maxAddresses?: number;
}

interface Visits {
  readonly wrong: number;
  readonly countedAt: number;
  readonly hasComeIn: boolean;
}

const none: Visits = { wrong: 0, countedAt: 0, hasComeIn: false };

export function createGuessLimit(options: GuessLimitOptions = {}): GuessLimit {
  const { most = 20, forgottenPerSecond = 1, maxAddresses = 2000 } = options;
  const visits = new Map<string, Visits>();

  const of = (address: string): Visits => visits.get(address) ?? none;
  const wrongOf = ({ wrong, countedAt }: Visits, now: number): number =>
    Math.max(0, wrong - ((now - countedAt) / 1000) * forgottenPerSecond);
  const keep = (address: string, kept: Visits): void => {
    // At the end of the order again.
    visits.delete(address);
    visits.set(address, kept);
    if (visits.size > maxAddresses) visits.delete(visits.keys().next().value!);
  };
  return {
    add: (address, now) => {
      const known = of(address);
      keep(address, { ...known, wrong: wrongOf(known, now) + 1, countedAt: now });
    },
    areTooMany: (address, now) => {
      const known = of(address);
      return !known.hasComeIn && wrongOf(known, now) > most - 1;
    },
    cameIn: (address) => keep(address, { ...of(address), hasComeIn: true }),
  };
}
