// The lines between workers and the coordinator: they lose, repeat, delay and reorder what they carry, and break.
import type { Draw } from './draw.ts';
import type { FromSimWorker, ToSimWorker } from './messages.ts';
import type { NetworkScenario } from './scenario.ts';
import type { World } from './world.ts';

export interface WorkerEnd {
  readonly isHonest: boolean;
  receive(message: ToSimWorker): void;
  /** The coordinator hung up. */
  closed(): void;
}

export interface CoordinatorEnd {
  receive(connection: Connection, message: FromSimWorker): void;
  /** The connection is gone without a word. */
  lost(connection: Connection): void;
}

/** One direction of one connection. */
interface Lane {
  sent: number;
  latestArrived: number;
}

export class Network {
  readonly world: World;
  readonly #draw: Draw;
  readonly #faults: NetworkScenario;

  constructor(world: World, draw: Draw, faults: NetworkScenario) {
    this.world = world;
    this.#draw = draw;
    this.#faults = faults;
  }

  get latencyMs(): number {
    return this.#faults.latencyMs;
  }

  get pingTimeoutMs(): number {
    return this.#faults.pingTimeoutMs;
  }

  /** How long it takes until the other end notices that a connection broke. */
  drawNoticeMs(): number {
    return this.#draw.magnitude(1, Math.min(30_000, this.pingTimeoutMs));
  }

  carry(lane: Lane, mayBeLost: boolean, arrive: () => void): void {
    const { dropRate, duplicateRate } = this.#faults;
    const isCalm = this.world.isCalm;
    if (mayBeLost && !isCalm && this.#draw.chance(dropRate)) {
      this.world.happened('message dropped');
      return;
    }
    this.#carryOne(lane, arrive);
    if (isCalm || !this.#draw.chance(duplicateRate)) return;
    this.world.happened('message duplicated');
    this.#carryOne(lane, arrive);
  }

  #carryOne(lane: Lane, arrive: () => void): void {
    const number = lane.sent++;
    this.world.after(this.#drawDelayMs(), () => {
      if (number < lane.latestArrived) this.world.happened('message reordered');
      lane.latestArrived = Math.max(number, lane.latestArrived);
      arrive();
    });
  }

  #drawDelayMs(): number {
    const { latencyMs, strayRate, strayMs } = this.#faults;
    if (this.world.isCalm || !this.#draw.chance(strayRate)) return latencyMs;
    return latencyMs + this.#draw.between(0, strayMs);
  }
}

export interface ConnectionEnds {
  /** The name that the coordinator gave to the worker on this connection. */
  readonly worker: string;
  readonly above: CoordinatorEnd;
  readonly below: WorkerEnd;
}

export class Connection {
  readonly worker: string;
  /** What the worker says on it is true. */
  readonly isHonest: boolean;
  readonly #network: Network;
  readonly #above: CoordinatorEnd;
  readonly #below: WorkerEnd;
  readonly #up: Lane = { sent: 0, latestArrived: -1 };
  readonly #down: Lane = { sent: 0, latestArrived: -1 };
  #latestCrew = -1;
  #isOpenAbove = true;
  #isOpenBelow = true;

  constructor(network: Network, { worker, above, below }: ConnectionEnds) {
    this.worker = worker;
    this.isHonest = below.isHonest;
    this.#network = network;
    this.#above = above;
    this.#below = below;
  }

  get isOpenAbove(): boolean {
    return this.#isOpenAbove;
  }

  sendUp(message: FromSimWorker): void {
    if (!this.#isOpenBelow) return;
    // A handshake that is lost makes no connection; those that break are drawn apart.
    const mayBeLost = message.type !== 'ready' && message.type !== 'crew';
    this.#network.carry(this.#up, mayBeLost, () => {
      if (this.#isOpenAbove && !this.#isOutdated(message)) {
        this.#above.receive(this, ownCopy(message));
      }
    });
  }

  #isOutdated(message: FromSimWorker): boolean {
    if (message.type !== 'crew') return false;
    if (message.order <= this.#latestCrew) return true;
    this.#latestCrew = message.order;
    return false;
  }

  sendDown(message: ToSimWorker): void {
    if (!this.#isOpenAbove) return;
    this.#network.carry(this.#down, message.type !== 'welcome', () => {
      if (this.#isOpenBelow) this.#below.receive(message);
    });
  }

  /** The line or the worker is gone. What is on its way up may still arrive before that is noticed. */
  breakBelow(): void {
    if (!this.#isOpenBelow) return;
    this.#isOpenBelow = false;
    this.#network.world.after(this.#network.drawNoticeMs(), () => this.#lose());
  }

  /** A worker that hangs for longer than pings may go unanswered has no connection when it wakes up. */
  timeOutAfter(silenceMs: number): void {
    const { world, pingTimeoutMs } = this.#network;
    if (silenceMs > pingTimeoutMs) world.after(pingTimeoutMs, () => this.#lose());
  }

  /** The coordinator hangs up, or is gone. */
  closeAbove(): void {
    if (!this.#isOpenAbove) return;
    this.#isOpenAbove = false;
    this.#network.world.after(this.#network.latencyMs, () => {
      if (!this.#isOpenBelow) return;
      this.#isOpenBelow = false;
      this.#below.closed();
    });
  }

  #lose(): void {
    if (!this.#isOpenAbove) return;
    this.closeAbove();
    this.#above.lost(this);
  }
}

/** Each delivery is decoded anew: the core may write into the gradient that it gets. */
function ownCopy(message: FromSimWorker): FromSimWorker {
  if (message.type !== 'answer') return message;
  const { answer } = message;
  return { type: 'answer', answer: { ...answer, gradient: answer.gradient.slice() } };
}
