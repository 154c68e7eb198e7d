import { timingSafeEqual } from 'node:crypto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createGate, type Door, openGate } from '../coordinator/gate.ts';
import { createGuessLimit } from '../coordinator/guesses.ts';
import { drawToken, drawTokens, type Scope, scopes } from '../coordinator/tokens.ts';
import { rejectReasons } from '../shared/protocol.ts';

vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  return { ...crypto, timingSafeEqual: vi.fn(crypto.timingSafeEqual) };
});
const compare = vi.mocked(timingSafeEqual);
beforeEach(() => void compare.mockClear());

const tokens = drawTokens();
const passes = scopes.map((scope) => ({ token: tokens[scope], scope }));
const here = '192.168.1.9';

describe('a token', () => {
  it('is 26 letters and figures that need no quoting, and never the same', () => {
    const drawn = Array.from({ length: 1000 }, drawToken);
    expect(new Set(drawn).size).toBe(1000);
    for (const token of drawn) expect(token).toMatch(/^[a-km-np-z2-9]{26}$/);
    // Each of the 32 characters, about 800 times.
    const uses = new Map<string, number>();
    for (const one of drawn.join('')) uses.set(one, (uses.get(one) ?? 0) + 1);
    expect(uses.size).toBe(32);
    expect(Math.min(...uses.values())).toBeGreaterThan(600);
  });

  it.each<[Scope, Door[], Door[]]>([
    ['work', ['work', 'watch', 'data'], ['administer']],
    ['watch', ['watch'], ['work', 'data', 'administer']],
    ['administer', ['work', 'watch', 'data', 'administer'], []],
  ])('to %s opens %j and not %j', (scope, opened, closed) => {
    const { refusal } = createGate(passes);
    for (const door of opened) expect(refusal(tokens[scope], door, here)).toBeUndefined();
    for (const door of closed) expect(refusal(tokens[scope], door, here)).toBe('token-scope');
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an empty word', ''],
    ['a number', 7],
    ['a list', [tokens.work]],
    ['an object', { token: tokens.work }],
  ])('that is %s is missing', (_, token) => {
    expect(createGate(passes).refusal(token, 'work', here)).toBe('token-missing');
    expect(compare).not.toHaveBeenCalled();
  });

  it.each([
    ['another', drawToken()],
    ['half of one', tokens.work.slice(0, 13)],
    ['one and more', `${tokens.work}a`],
    ['one in capitals', tokens.work.toUpperCase()],
    ['a book', 'x'.repeat(100_000)],
  ])('that is %s is wrong', (_, token) => {
    expect(createGate(passes).refusal(token, 'work', here)).toBe('token-wrong');
  });

  it('is compared with all others in constant time, right or wrong', () => {
    const { refusal } = createGate(passes);
    for (const token of [...Object.values(tokens), 'wrong', tokens.work.slice(1)]) {
      compare.mockClear();
      refusal(token, 'work', here);
      expect(compare).toHaveBeenCalledTimes(passes.length);
      for (const [one, other] of compare.mock.calls) {
        expect([one.byteLength, other.byteLength]).toEqual([32, 32]);
      }
    }
  });

  it('lets nobody in after its end, but who is in goes on fetching', () => {
    let now = 999;
    const pass = { token: tokens.work, scope: 'work', endsAt: 1000 } as const;
    const { refusal } = createGate([pass], () => now);
    expect(refusal(tokens.work, 'work', here)).toBeUndefined();
    now = 1000;
    expect(refusal(tokens.work, 'work', here)).toBe('token-ended');
    expect(refusal(tokens.work, 'watch', here)).toBe('token-ended');
    expect(refusal(tokens.work, 'data', here)).toBeUndefined();
  });
});

describe('an open gate', () => {
  it('asks for nothing', () => {
    expect(openGate.refusal(undefined, 'work', here)).toBeUndefined();
    expect(openGate.isBarred(here)).toBe(false);
  });
});

describe('somebody who guesses', () => {
  it('is not listened to after twenty wrong tokens, nor with the right one', () => {
    const { refusal, isBarred } = createGate(passes);
    for (let time = 0; time < 20; time++) {
      expect(isBarred(here)).toBe(false);
      expect(refusal(`guess ${time}`, 'work', here)).toBe('token-wrong');
    }
    expect(isBarred(here)).toBe(true);
    expect(refusal(tokens.work, 'work', here)).toBe('guesses');
    expect(refusal(tokens.work, 'work', 'elsewhere')).toBeUndefined();
  });

  it('does not keep out others behind the same address', () => {
    const { refusal, isBarred } = createGate(passes);
    refusal(tokens.work, 'work', here);
    for (let time = 0; time < 100; time++) refusal(`guess ${time}`, 'work', here);
    expect(isBarred(here)).toBe(false);
    expect(refusal(tokens.work, 'work', here)).toBeUndefined();
  });

  it('may try again when the guesses are forgotten', () => {
    const limit = createGuessLimit({ most: 3, forgottenPerSecond: 1 });
    for (let time = 0; time < 3; time++) limit.add(here, 0);
    expect(limit.areTooMany(here, 999)).toBe(true);
    expect(limit.areTooMany(here, 1000)).toBe(false);
    limit.add(here, 1000);
    expect(limit.areTooMany(here, 1500)).toBe(true);
  });

  it('costs no more memory than the most addresses', () => {
    const limit = createGuessLimit({ most: 1, maxAddresses: 2 });
    for (const address of ['a', 'b', 'c']) limit.add(address, 0);
    expect(['a', 'b', 'c'].map((address) => limit.areTooMany(address, 0))).toEqual([
      false,
      true,
      true,
    ]);
  });
});

it('every refusal says what to do next', () => {
  for (const reason of ['token-missing', 'token-wrong', 'token-scope', 'token-ended'] as const) {
    expect(rejectReasons[reason]).toMatch(/; (use|ask for) /);
  }
});
