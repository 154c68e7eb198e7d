import { beforeAll, describe, expect, it } from 'vitest';
import { type Campaign, seedsFrom, simulateSeeds } from './campaign.ts';
import { knownSeeds } from './known-seeds.ts';
import { simulate } from './simulate.ts';
import { happenings } from './tally.ts';

const firstSeed = 1;
const count = Number(process.env.TUTTI_SIMULATOR_SEEDS ?? 500);
/** A tenth of the pace that is aimed at, for machines that do much else. */
const timeoutMs = 60_000 + 120 * count;

describe(`training, simulated from ${count} seeds`, () => {
  let campaign: Campaign;
  beforeAll(async () => {
    campaign = await simulateSeeds(seedsFrom(firstSeed, count));
    const pace = `${Math.round(campaign.seedsPerMinute)} a minute`;
    console.log(`simulator: ${count} seeds from ${firstSeed}, ${campaign.events} events, ${pace}`);
  }, timeoutMs);

  it('keeps every promise, whatever befalls it', () => {
    expect(campaign.failures).toEqual([]);
  });

  it.runIf(count >= 500).each(happenings)('meets this now and then: %s', (happening) => {
    expect(campaign.tally[happening]).toBeGreaterThan(0);
  });
});

describe('a seed', () => {
  it.each(knownSeeds)('$seed failed once: $found', async ({ seed }) => {
    await simulate(seed);
  });

  it('makes the same run each time', async () => {
    const [once, again] = [await tracedRun(18), await tracedRun(18)];
    expect(once.length).toBeGreaterThan(100);
    expect(again).toEqual(once);
  });
});

async function tracedRun(seed: number): Promise<string[]> {
  const lines: string[] = [];
  await simulate(seed, (line) => lines.push(line));
  return lines;
}
