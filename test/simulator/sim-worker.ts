// The process of a worker in virtual time: it connects, crashes, hangs, leaves and comes back.
import type { Plan } from '../../shared/plan.ts';
import type { Draw } from './draw.ts';
import type { ToSimWorker } from './messages.ts';
import type { Connection, WorkerEnd } from './network.ts';
import type { Mishap, WorkerScenario } from './staff.ts';
import { WorkLoop } from './work-loop.ts';
import type { World } from './world.ts';

export interface WorkerSurroundings {
  readonly world: World;
  readonly draw: Draw;
  readonly plan: Plan;
  readonly fetchMs: number;
  /** Undefined while nobody listens. */
  connect(worker: WorkerEnd): Connection | undefined;
}

export class SimWorker implements WorkerEnd {
  /** As long as its present connection lasts. */
  isHonest = true;
  readonly #scenario: WorkerScenario;
  readonly #around: WorkerSurroundings;
  /** The process is there, connected or trying. */
  #isAlive = false;
  /** Counts connections and tries: what was begun in an older one is not done. */
  #session = 0;
  #frozenUntilMs = 0;
  #connection: Connection | undefined;
  #loop: WorkLoop | undefined;
  /** Shards whose samples it has, as long as its process lives. */
  #parts = new Set<number>();

  constructor(scenario: WorkerScenario, around: WorkerSurroundings) {
    this.#scenario = scenario;
    this.#around = around;
    const { world } = around;
    const { joinsAtMs, mishaps, dishonesty, rests = [] } = scenario;
    world.at(joinsAtMs, () => this.#connect());
    for (const mishap of mishaps) world.at(mishap.atMs, () => this.#befall(mishap));
    for (const { fromMs, toMs } of rests) {
      world.at(fromMs, () => this.#later(0, () => this.#loop?.rest()));
      world.at(toMs, () => this.#later(0, () => this.#loop?.goOn()));
    }
    if (dishonesty === undefined) return;
    for (const atMs of [dishonesty.fromMs, dishonesty.toMs]) {
      world.at(atMs, () => this.#befall({ kind: 'break', atMs }));
    }
  }

  /** Starts it anew if it is gone or hangs. */
  revive(): void {
    if (this.#isAlive && this.#frozenUntilMs <= this.#around.world.nowMs) return;
    this.#disconnect();
    this.#connect();
  }

  receive(message: ToSimWorker): void {
    this.#later(0, () => this.#take(message));
  }

  closed(): void {
    this.#later(0, () => this.#reconnect());
  }

  #take(message: ToSimWorker): void {
    if (message.type === 'refused' || message.type === 'finished') this.#reconnect();
    else this.#loop?.take(message);
  }

  #connect(): void {
    const { world, draw, plan, fetchMs, connect } = this.#around;
    const scenario = this.#scenario;
    const { fromMs = 0, toMs = 0 } = scenario.dishonesty ?? {};
    this.#session++;
    this.#isAlive = true;
    this.#frozenUntilMs = 0;
    this.isHonest = world.nowMs < fromMs || world.nowMs >= toMs;
    const connection = connect(this);
    if (connection === undefined) return this.#reconnect();
    const { isHonest } = this;
    world.trace?.(`${scenario.name} is ${connection.worker}${isHonest ? '' : ', and will lie'}`);
    this.#connection = connection;
    this.#loop = new WorkLoop({
      scenario,
      isHonest,
      world,
      draw,
      plan,
      fetchMs,
      parts: this.#parts,
      send: (message) => connection.sendUp(message),
      later: (delayMs, action) => this.#later(delayMs, action),
    });
  }

  #disconnect(): void {
    this.#session++;
    this.#connection?.breakBelow();
    this.#connection = undefined;
    this.#loop = undefined;
  }

  #reconnect(): void {
    this.#disconnect();
    this.#later(this.#around.draw.magnitude(5, 1000), () => this.#connect());
  }

  #befall(mishap: Mishap): void {
    const { world } = this.#around;
    if (!this.#isAlive) return;
    world.trace?.(`${this.#scenario.name}: ${mishap.kind}`);
    switch (mishap.kind) {
      case 'break':
        world.happened('connection broken');
        return this.#reconnect();
      case 'hang':
        world.happened('worker hung');
        this.#frozenUntilMs = Math.max(this.#frozenUntilMs, world.nowMs + mishap.forMs);
        this.#connection?.timeOutAfter(mishap.forMs);
        return;
      case 'leave':
        world.happened('worker left');
        this.#connection?.sendUp({ type: 'leave' });
        return this.#vanish(mishap.backAfterMs);
      case 'crash':
        world.happened('worker crashed');
        return this.#vanish(mishap.backAfterMs);
      default:
        mishap satisfies never;
    }
  }

  #vanish(backAfterMs: number | undefined): void {
    this.#disconnect();
    this.#isAlive = false;
    this.#parts = new Set();
    if (backAfterMs === undefined) return;
    const session = this.#session;
    this.#around.world.after(backAfterMs, () => {
      if (session === this.#session) this.#connect();
    });
  }

  /** Not while it hangs, and not when it has another connection by then. */
  #later(delayMs: number, action: () => void): void {
    const { world } = this.#around;
    const session = this.#session;
    const attempt = (): void => {
      if (session !== this.#session) return;
      const frozenMs = this.#frozenUntilMs - world.nowMs;
      if (frozenMs <= 0) action();
      else if (Number.isFinite(frozenMs)) world.after(frozenMs, attempt);
    };
    if (delayMs === 0) attempt();
    else world.after(delayMs, attempt);
  }
}
