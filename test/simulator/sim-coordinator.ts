// The coordinator's machine in virtual time: its process is killed between any two effects or disk operations,
// stopped and resumed, and starts each time from what the disk kept.
import type { EndReason } from '../../coordinator/core-types.ts';
import { CoordinatorProcess, type ProcessSurroundings } from './coordinator-process.ts';
import type { Draw } from './draw.ts';
import { checkResumed } from './invariants.ts';
import type { Connection, WorkerEnd } from './network.ts';
import { firstSnapshot } from './reference.ts';
import type { Doom, Scenario } from './scenario.ts';
import { SimArchive } from './sim-archive.ts';

export interface CoordinatorOptions
  extends Omit<ProcessSurroundings, 'archive' | 'onEffect' | 'onExit' | 'drawId'> {
  readonly scenario: Scenario;
  readonly draw: Draw;
}

export class SimCoordinator {
  readonly archive: SimArchive;
  readonly #options: CoordinatorOptions;
  readonly #dooms: Doom[];
  #process: CoordinatorProcess | undefined;
  #doom: Doom | undefined;
  /** Of what its doom counts, in the life of this process. */
  #done = 0;
  #admitted = 0;
  #hasRun = false;
  #willAlter: boolean;

  constructor(options: CoordinatorOptions) {
    const { scenario, world, draw, reference } = options;
    const { dooms, stopsAtMs, orders } = scenario.coordinator;
    this.#options = options;
    this.#dooms = [...dooms];
    this.#willAlter = scenario.disk.isAltered;
    this.archive = new SimArchive({
      world,
      draw,
      faults: scenario.disk,
      keepsPast: orders.some(({ kind }) => kind === 'undo'),
      reference,
      onOperation: () => this.#isKilledInstead('disk operations'),
    });
    world.after(0, () => this.#start());
    for (const order of orders) world.at(order.atMs, () => this.#process?.obey(order));
    for (const atMs of stopsAtMs) world.at(atMs, () => this.#process?.dispatch({ type: 'stop' }));
  }

  connect(worker: WorkerEnd): Connection | undefined {
    return this.#process?.connect(worker);
  }

  async #start(): Promise<void> {
    const { world, plan, reference } = this.#options;
    if (this.#willAlter && !world.isCalm && this.#hasRun) {
      this.#willAlter = false;
      await this.archive.alterNewest();
    }
    const snapshot = await this.archive.open();
    if (snapshot !== undefined) checkResumed(snapshot, this.archive.ledger, { reference, plan });
    const start = snapshot ?? firstSnapshot();
    world.trace?.(`the coordinator starts at version ${start.version}`);
    if (this.#hasRun) world.happened('run resumed');
    this.#hasRun = true;
    this.#doom = this.#dooms.shift();
    this.#done = 0;
    const process = new CoordinatorProcess(start, {
      ...this.#options,
      archive: this.archive,
      onEffect: () => this.#isKilledInstead('effects'),
      drawId: () => `w${++this.#admitted}`,
      onExit: (reason, isSaved) => this.#exited(reason, isSaved),
    });
    this.#process = process;
    if (this.#doom?.kind === 'time') {
      world.after(this.#doom.afterMs, () => {
        if (this.#process === process && !world.isCalm) this.#kill('coordinator killed elsewhere');
      });
    }
    process.start();
  }

  #isKilledInstead(kind: 'effects' | 'disk operations'): boolean {
    const doom = this.#doom;
    if (doom?.kind !== kind || this.#options.world.isCalm) return false;
    this.#done++;
    if (this.#done < doom.after) return false;
    this.#kill('coordinator killed between effects');
    return true;
  }

  #kill(where: 'coordinator killed between effects' | 'coordinator killed elsewhere'): void {
    const { world, draw, scenario } = this.#options;
    if (this.archive.isUndoing) world.happened('killed while it is taken back');
    world.happened(this.archive.isSaving ? 'coordinator killed while it saves' : where);
    world.trace?.('the coordinator is killed');
    this.archive.crash(draw.chance(scenario.disk.powerCutRate));
    this.#startLater();
  }

  #exited(reason: EndReason, isSaved: boolean): void {
    const { world } = this.#options;
    world.trace?.(`the run is ${reason}${isSaved ? '' : ', but not saved'}`);
    this.archive.close();
    if (reason === 'undone') world.happened('run taken back');
    if (reason === 'stopped') world.happened('stopped by its owner');
    if (reason === 'diverged') world.happened('given up as diverged');
    if (reason === 'completed' && isSaved) world.isOver = true;
    else this.#startLater();
  }

  #startLater(): void {
    const { world, draw, scenario } = this.#options;
    this.#process?.drop();
    this.#process = undefined;
    const { absenceMs } = scenario.coordinator;
    world.after(draw.between(absenceMs / 2, absenceMs), () => this.#start());
  }
}
