// Slow work beside training: one task after the other, in the order in which it came up.

export type BackgroundCause = 'evaluation' | 'checkpoint';

export class Background {
  readonly #causes: BackgroundCause[] = [];
  readonly #onChange: () => void;
  #tail: Promise<void> = Promise.resolve();

  /** `onChange` is called whenever a task was added or is done. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get length(): number {
    return this.#causes.length;
  }

  /** What the oldest unfinished task is. */
  get cause(): BackgroundCause | undefined {
    return this.#causes.at(0);
  }

  /** Settles when all that was added so far is done. */
  get done(): Promise<void> {
    return this.#tail;
  }

  /** Settles as the task does. A failed task does not keep later ones from running. */
  add<Result>(cause: BackgroundCause, task: () => Promise<Result>): Promise<Result> {
    this.#causes.push(cause);
    this.#onChange();
    const result = this.#tail.then(task);
    this.#tail = result.then(
      () => this.#done(),
      () => this.#done(),
    );
    return result;
  }

  #done(): void {
    this.#causes.shift();
    this.#onChange();
  }
}
