// What a newcomer needs to draw the whole run, in bounded memory: progress grows thin, everything else is kept.
import type { RunEvent } from '../shared/events.ts';

/** Events in all; the oldest of those that draw nothing go first. */
const maxEvents = 10_000;
/** Without these nobody could make sense of the others, or draw the curves. */
const lasting: ReadonlySet<RunEvent['type']> = new Set(['run', 'epoch', 'step']);
/** Twice as many points as a wide screen has columns. */
const maxSteps = 4000;

export class History {
  /** In order. Changes with every `add`. */
  readonly events: RunEvent[] = [];
  /** Of the progress, every so many-th event is kept, and the latest. */
  #stride = 1;
  #stepsSeen = 0;

  add(event: RunEvent): void {
    if (event.type === 'step') {
      this.#thinSteps();
      this.#forgetContributions();
    }
    // The table of workers is of this moment, and the latest count of audits has those before in it.
    if (event.type === 'workers' || event.type === 'audits') this.#removeLast(event.type);
    this.events.push(event);
    if (this.events.length > maxEvents) this.#forgetOne();
  }

  #forgetOne(): void {
    const at = this.events.findIndex(({ type }) => !lasting.has(type));
    const oldest = this.events[0].type === 'run' ? 1 : 0;
    this.events.splice(at < 0 ? oldest : at, 1);
  }

  /** Before one more is added: the one before it was the latest, and may be none of those that stay. */
  #thinSteps(): void {
    const count = this.#stepsSeen++;
    if ((count - 1) % this.#stride !== 0) this.#removeLast('step');
    if (count / this.#stride < maxSteps || count % this.#stride !== 0) return;
    this.#stride *= 2;
    let position = 0;
    const kept = this.events.filter(({ type }) => type !== 'step' || position++ % 2 === 0);
    this.events.splice(0, this.events.length, ...kept);
  }

  /** Of the latest step alone: one number a worker, thousands of times, would outgrow all that is drawn. */
  #forgetContributions(): void {
    const at = this.events.findLastIndex(({ type }) => type === 'step');
    const event = this.events[at];
    if (event?.type !== 'step') return;
    const { contributions: _, ...rest } = event;
    this.events[at] = rest;
  }

  #removeLast(type: RunEvent['type']): void {
    const at = this.events.findLastIndex((event) => event.type === type);
    if (at >= 0) this.events.splice(at, 1);
  }
}
