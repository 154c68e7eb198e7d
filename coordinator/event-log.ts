// Every fact of the run in order: numbered, dated, kept for those who come later, handed to whoever listens.
import type { NewRunEvent, RunEvent } from '../shared/events.ts';

export interface EventLogOptions {
  /** Number of the last event so far: 0 for a new run. */
  readonly lastSeq: number;
  readonly clock?: () => Date;
}

type Listener = (event: RunEvent) => void;

/** Progress grows old; everything else is kept, up to this many events. */
const maxKept = 10_000;

export class EventLog {
  readonly #clock: () => Date;
  readonly #listeners = new Set<Listener>();
  readonly #kept: RunEvent[] = [];
  #latestStep: RunEvent | undefined;
  #seq: number;

  constructor({ lastSeq, clock = () => new Date() }: EventLogOptions) {
    this.#seq = lastSeq;
    this.#clock = clock;
  }

  /** What a newcomer needs to draw the whole run, in order. */
  get history(): readonly RunEvent[] {
    const { type, seq = 0 } = this.#latestStep ?? {};
    if (type === undefined) return this.#kept;
    const at = this.#kept.findLastIndex((event) => event.seq < seq) + 1;
    return this.#kept.toSpliced(at, 0, this.#latestStep!);
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
    if (numbered.type === 'step') this.#latestStep = numbered;
    else this.#kept.push(numbered);
    // Without its `run` event nobody could make sense of the others.
    if (this.#kept.length > maxKept) this.#kept.splice(this.#kept[0].type === 'run' ? 1 : 0, 1);
    for (const listener of this.#listeners) listener(numbered);
    return numbered;
  }
}
