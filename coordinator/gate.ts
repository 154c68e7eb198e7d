// Lets in who brings the right token, and tells everybody else why not: but never how close a guess came.
import { hash, timingSafeEqual } from 'node:crypto';
import type { RejectReason } from '../shared/protocol.ts';
import { createGuessLimit } from './guesses.ts';
import type { Scope } from './tokens.ts';

/** What a token is shown for: to become a worker, to see the events, to fetch training data, to steer the run. */
export type Door = 'work' | 'watch' | 'data' | 'administer';

export interface Gate {
  /** Whoever may pass has none. `token` is what a stranger sent, or undefined. */
  refusal(token: unknown, door: Door, address: string): RejectReason | undefined;
  /** So many wrong tokens came from this address that it is not listened to for a while. */
  isBarred(address: string): boolean;
}

/** For those who can be reached by nobody else. */
export const openGate: Gate = { refusal: () => undefined, isBarred: () => false };

/** For those who want everybody, but not everybody to stop the run. */
export const publicGate: Gate = {
  refusal: (_, door) => (door === 'administer' ? 'public' : undefined),
  isBarred: () => false,
};

export interface Pass {
  readonly token: string;
  readonly scope: Scope;
  /** Milliseconds since 1970: it lets nobody in after that. */
  readonly endsAt?: number;
}

/** Who computes may see what comes of it. */
const opens: Readonly<Record<Scope, readonly Door[]>> = {
  work: ['work', 'watch', 'data'],
  watch: ['watch'],
  administer: ['work', 'watch', 'data', 'administer'],
};

/** `now` in milliseconds since 1970. */
export function createGate(passes: readonly Pass[], now: () => number = Date.now): Gate {
  const known = passes.map((pass) => ({ ...pass, digest: digestOf(pass.token) }));
  const guesses = createGuessLimit();

  const refusalOf = (token: string, door: Door): RejectReason | undefined => {
    const digest = digestOf(token);
    // Compared with all of them, also after one that fits: the time that it takes says nothing.
    const [pass] = known.filter((one) => timingSafeEqual(one.digest, digest));
    if (pass === undefined) return 'token-wrong';
    if (!opens[pass.scope].includes(door)) return 'token-scope';
    // Who came in before the end may fetch on: others do not know what the pieces of the data are called.
    const isOver = pass.endsAt !== undefined && now() >= pass.endsAt;
    return isOver && door !== 'data' ? 'token-ended' : undefined;
  };
  return {
    isBarred: (address) => guesses.areTooMany(address, performance.now()),
    refusal: (token, door, address) => {
      if (typeof token !== 'string' || token === '') return 'token-missing';
      if (guesses.areTooMany(address, performance.now())) return 'guesses';
      const reason = refusalOf(token, door);
      if (reason === undefined) guesses.cameIn(address);
      if (reason === 'token-wrong') guesses.add(address, performance.now());
      return reason;
    },
  };
}

/** Of equal length, whatever a stranger sends. */
function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
