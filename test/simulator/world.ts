// Virtual time: things happen in the order of their times, and equal seeds make equal worlds.
import { emptyTally, type Happening } from './tally.ts';
import { violated } from './violation.ts';

/** What it does may take no virtual time, but may have to wait for promises that are about to settle. */
export type Action = () => void | Promise<void>;

interface Event {
  readonly atMs: number;
  /** Tells events of the same instant apart: first planned, first done. */
  readonly order: number;
  readonly action: Action;
}

export class World {
  readonly tally = emptyTally();
  /** Undefined unless somebody reads along, so that lines for nobody are never put together. */
  readonly trace: ((line: string) => void) | undefined;
  nowMs = 0;
  /** From here on nothing is broken that is not broken yet. */
  isCalm = false;
  isOver = false;
  eventCount = 0;
  /** A binary heap: the next event is the first. */
  readonly #heap: Event[] = [];
  #planned = 0;

  constructor(print?: (line: string) => void) {
    this.trace =
      print && ((line) => print(`${(this.nowMs / 1000).toFixed(4).padStart(10)}  ${line}`));
  }

  happened(what: Happening): void {
    this.tally[what]++;
  }

  after(delayMs: number, action: Action): void {
    const event = { atMs: this.nowMs + delayMs, order: this.#planned++, action };
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent], event)) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  at(timeMs: number, action: Action): void {
    this.after(Math.max(0, timeMs - this.nowMs), action);
  }

  /** Returns when the world is over. Throws when it is not by `deadlineMs`, or never will be. */
  async run(deadlineMs: number, maxEvents: number): Promise<void> {
    while (!this.isOver) {
      const event = this.#takeFirst();
      if (event === undefined) return violated('nothing will ever happen again');
      if (event.atMs > deadlineMs) violated(`not done after ${deadlineMs / 1000} s`);
      if (++this.eventCount > maxEvents) violated(`not done after ${maxEvents} events`);
      this.nowMs = event.atMs;
      const pending = event.action();
      if (pending !== undefined) await pending;
    }
  }

  #takeFirst(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (isBefore(last, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
