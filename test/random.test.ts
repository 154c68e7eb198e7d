import { describe, expect, it } from 'vitest';
import { createRandom, permutation, type Random } from '../shared/random.ts';

/** Chi-square of k - 1 degrees of freedom is above these once in a thousand. */
const critical = { 23: 49.73, 99: 148.23, 255: 330.52 };

describe('a generator', () => {
  it('gives the same numbers on every machine, in every release', () => {
    const random = createRandom(0, 'shuffle', 0);
    expect([random.uint32(), random.uint32(), random.uint32(), random.uint32()]).toEqual([
      2_227_234_985, 1_917_155_837, 4_246_063_989, 3_089_256_058,
    ]);
  });

  it('is another one for every key', () => {
    const keys = [[0], [1], [-1], ['0'], [0, 0], [0, ''], ['a', 'b'], ['ab'], ['a', 'b', 0], []];
    const firsts = keys.map((key) => createRandom(...key).uint32());
    expect(new Set(firsts).size).toBe(keys.length);
  });

  it('has no correlation between the keys of neighbouring epochs', () => {
    const firsts = Array.from({ length: 25_600 }, (_, epoch) =>
      createRandom(1, 'shuffle', epoch).below(256),
    );
    expect(chiSquare(firsts, 256)).toBeLessThan(critical[255]);
  });

  it.each<[string, (random: Random) => number]>([
    ['the high bits of uint32', (random) => random.uint32() >>> 24],
    ['the low bits of uint32', (random) => random.uint32() & 255],
    ['uniform', (random) => Math.floor(256 * random.uniform())],
    ['below', (random) => random.below(256)],
  ])('is uniform in %s', (_, draw) => {
    const random = createRandom(1, 'chi-square');
    const draws = Array.from({ length: 256_000 }, () => draw(random));
    expect(chiSquare(draws, 256)).toBeLessThan(critical[255]);
  });

  it('is independent from one number to the next', () => {
    const random = createRandom(2, 'pairs');
    const pairs = Array.from({ length: 100_000 }, () => 10 * random.below(10) + random.below(10));
    expect(chiSquare(pairs, 100)).toBeLessThan(critical[99]);
  });

  it('favours no remainder where the limit does not divide 2^32', () => {
    const limit = 3 * 2 ** 30;
    const random = createRandom(3, 'bias');
    // Taking the remainder would put half of all draws into the first third.
    const draws = Array.from({ length: 30_000 }, () => random.below(limit));
    const inFirstThird = draws.filter((draw) => draw < limit / 3).length;
    expect(Math.abs(inFirstThird - 10_000)).toBeLessThan(300);
    expect(Math.max(...draws)).toBeLessThan(limit);
  });

  it('has nothing to choose below 1, and everything below 2^32', () => {
    const random = createRandom(4, 'limits');
    const twin = createRandom(4, 'limits');
    expect([random.below(1), random.below(1)]).toEqual([0, 0]);
    expect([twin.uint32(), twin.uint32()]).toHaveLength(2);
    expect(random.below(2 ** 32)).toBe(twin.uint32());
  });
});

describe('a permutation', () => {
  it('holds every number once', () => {
    for (const length of [0, 1, 2, 3, 100]) {
      const order = permutation(length, createRandom(1, length));
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, at) => at));
    }
  });

  it('is any of the possible ones with equal chance', () => {
    const random = createRandom(5, 'orders');
    const orders = [...new Set(repeat(2000, () => permutation(4, random).join()))].sort();
    expect(orders).toHaveLength(24);
    const draws = repeat(24_000, () => orders.indexOf(permutation(4, random).join()));
    expect(chiSquare(draws, 24)).toBeLessThan(critical[23]);
  });
});

function chiSquare(draws: number[], cells: number): number {
  const counts = new Array<number>(cells).fill(0);
  for (const draw of draws) counts[draw]++;
  const expected = draws.length / cells;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

function repeat<Result>(times: number, action: () => Result): Result[] {
  return Array.from({ length: times }, action);
}
