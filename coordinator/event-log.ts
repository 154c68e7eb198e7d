// Every fact of the run in order: numbered, dated, kept for those who come later, handed to whoever listens.
import type { NewRunEvent, RunEvent } from '../shared/events.ts';
import { History } from './history.ts';

export interface EventLogOptions {
  /** Numbers go on after this one: 0 for a new run. */
  readonly lastSeq: number;
  /** What was told before the coordinator was started again. */
  readonly past?: readonly RunEvent[];
  readonly clock?: () => Date;
}

type Listener = (event: RunEvent) => void;

export class EventLog {
  readonly #clock: () => Date;
  readonly #listeners = new Set<Listener>();
  readonly #history = new History();
  #seq: number;

  constructor({ lastSeq, past = [], clock = () => new Date() }: EventLogOptions) {
    this.#seq = lastSeq;
    this.#clock = clock;
    for (const event of past) this.#history.add(event);
  }

  /** What a newcomer needs to draw the whole run, in order. Valid until the next event. */
  get history(): readonly RunEvent[] {
    return this.#history.events;
  }

  /** Each listener is told at once and must not throw. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(event: NewRunEvent): RunEvent {
    const { type, ...facts } = event;
    const time = this.#clock().toISOString();
    const numbered = { type, seq: ++this.#seq, time, ...facts } as RunEvent;
    this.#history.add(numbered);
    for (const listener of this.#listeners) listener(numbered);
    return numbered;
  }
}
