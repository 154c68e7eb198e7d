import { describe, expect, it } from 'vitest';
import { createRateLimit, createRateLimits } from '../coordinator/limits.ts';
import { limitsOf } from '../deploy/serve-options.ts';

describe('limits on the command line', () => {
  const flags = { maxConnections: 10, joinTimeout: 20, maxMessages: 30 };

  it('are those that the coordinator keeps', () => {
    const limits = { maxConnections: 10, joinTimeoutMs: 20_000, messagesPerSecond: 30 };
    expect(limitsOf(flags)).toEqual(limits);
  });

  it.each([
    [
      { maxConnections: 0 },
      '--max-connections: expected a whole number from 1 to 1,000,000, got 0.',
    ],
    [
      { joinTimeout: 1e9 },
      '--join-timeout: expected a whole number from 1 to 86,400, got 1000000000.',
    ],
    [
      { maxMessages: Number.NaN },
      '--max-messages: expected a whole number from 1 to 1,000,000, got NaN.',
    ],
  ])('that cannot be are refused: %j', (impossible, message) => {
    expect(() => limitsOf({ ...flags, ...impossible })).toThrow(message);
  });
});

describe('a rate limit', () => {
  it('lets a burst pass, then so many a second', () => {
    const isAllowed = createRateLimit(10, 0);
    const passed = (now: number, tries: number) =>
      Array.from({ length: tries }, () => isAllowed(now)).filter(Boolean).length;
    expect(passed(0, 100)).toBe(20);
    expect(passed(500, 100)).toBe(5);
    expect(passed(10_000, 100)).toBe(20);
  });

  it('is kept for each caller apart, as long as there are not too many', () => {
    const isAllowed = createRateLimits(1, 2, 3);
    const passed = (caller: string) => [1, 2, 3].filter(() => isAllowed(caller, 0)).length;
    expect(['a', 'b', 'c'].map(passed)).toEqual([2, 2, 2]);
    expect(['a', 'b', 'c'].map(passed)).toEqual([0, 0, 0]);
    // Now `a` is the one that called longest ago.
    expect(['d', 'b', 'a'].map(passed)).toEqual([2, 0, 2]);
  });
});
