// npx tsx test/simulator/main.ts --seeds 10000 --from 1     many runs
// npx tsx test/simulator/main.ts --seed 17                  one, with all that happens in it
import { parseArgs } from 'node:util';
import { seedsFrom, simulateSeeds } from './campaign.ts';
import { simulate } from './simulate.ts';
import { happenings } from './tally.ts';

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
  },
});

if (flags.seed === undefined) await simulateMany(Number(flags.from), Number(flags.seeds));
else await replay(Number(flags.seed));

async function simulateMany(from: number, count: number): Promise<void> {
  const campaign = await simulateSeeds(seedsFrom(from, count));
  const { failures, tally, events, calmShare, seedsPerMinute } = campaign;
  for (const failure of failures) console.log(failure);
  for (const happening of happenings) {
    console.log(`${String(tally[happening]).padStart(9)}  ${happening}`);
  }
  const percent = (100 * calmShare).toFixed(1);
  console.log(`${events} events; the slowest run took ${percent} % of the time that it had`);
  const pace = `${Math.round(seedsPerMinute)} seeds a minute`;
  console.log(`${count} seeds from ${from}, ${failures.length} failures, ${pace}`);
  if (failures.length > 0) process.exitCode = 1;
}

async function replay(seed: number): Promise<void> {
  try {
    await simulate(seed, console.log);
  } catch (error) {
    console.log(error);
    process.exitCode = 1;
  }
}
