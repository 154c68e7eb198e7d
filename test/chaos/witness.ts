// Eyes on a worker's connection: when it is given work.
import type { Connect } from '../../worker/transport.ts';

export class Witness {
  readonly #waiting = new Set<() => void>();

  readonly watch =
    (connect: Connect): Connect =>
    (events) =>
      connect({
        ...events,
        onMessage: (message) => {
          if (message.type === 'lease') this.#resume();
          events.onMessage(message);
        },
      });

  /** Until the worker is given work; resolves to when that was, on the clock of `performance.now()`. */
  async nextLease(): Promise<number> {
    await new Promise<void>((resolve) => this.#waiting.add(resolve));
    return performance.now();
  }

  #resume(): void {
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }
}
