// One seed, one run: training from its first step to its last, whatever befalls it.
import { createPlan } from '../../shared/plan.ts';
import { Draw } from './draw.ts';
import { checkFinalLedger, checkSnapshot, samplesOf } from './invariants.ts';
import { Network } from './network.ts';
import { Reference } from './reference.ts';
import { drawScenario, type Scenario } from './scenario.ts';
import { SimCoordinator } from './sim-coordinator.ts';
import { SimWorker } from './sim-worker.ts';
import type { Tally } from './tally.ts';
import { violated } from './violation.ts';
import { World } from './world.ts';

export interface Report {
  readonly tally: Tally;
  readonly events: number;
  /** How much of the time was used that the run had after all was calm. */
  readonly calmShare: number;
}

/** More than any run takes that does not go round in circles. */
const maxEvents = 100_000;

/** Rejects with the seed and the promise that was not kept. `print` gets a line for all that happens. */
export async function simulate(seed: number, print?: (line: string) => void): Promise<Report> {
  const scenario = drawScenario(seed);
  print?.(JSON.stringify(scenario, null, 2));
  const world = new World(print);
  try {
    await run(scenario, world);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`seed ${seed}, ${(world.nowMs / 1000).toFixed(4)} s: ${message}`, { cause });
  }
  const { calmAtMs, deadlineMs } = scenario;
  const calmShare = (world.nowMs - calmAtMs) / (deadlineMs - calmAtMs);
  return { tally: world.tally, events: world.eventCount, calmShare };
}

async function run(scenario: Scenario, world: World): Promise<void> {
  const { seed } = scenario;
  const plan = createPlan(scenario.plan);
  const reference = new Reference(scenario.plan);
  const draw = new Draw(seed, 'world');
  const network = new Network(world, draw, scenario.network);
  const coordinator = new SimCoordinator({ scenario, world, draw, network, plan, reference });
  const { fetchMs } = scenario;
  const around = { world, draw, plan, fetchMs, connect: coordinator.connect.bind(coordinator) };
  const workers = scenario.workers.map((worker) => new SimWorker(worker, around));
  world.at(scenario.calmAtMs, () => {
    world.trace?.('from here on all is calm');
    world.isCalm = true;
    workers[0].revive();
  });
  await world.run(scenario.deadlineMs, maxEvents);
  const { ledger } = coordinator.archive;
  checkFinalLedger(ledger, { plan, reference });
  const last = await coordinator.archive.open();
  if (last?.version !== plan.totalSteps) return violated(`the last checkpoint is ${last?.version}`);
  checkSnapshot(last, { plan, reference }, samplesOf(ledger));
}
