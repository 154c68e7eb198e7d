// Evaluations and checkpoints beside training, one after the other, as coordinator/milestones.ts has them.
import type { Snapshot } from '../../coordinator/checkpoint.ts';
import type { HoldCause } from '../../coordinator/core-types.ts';
import type { World } from './world.ts';

export interface MilestonesOptions {
  readonly world: World;
  readonly evaluationMs: number;
  readonly save: (snapshot: Snapshot, onDone: (isSaved: boolean) => void) => void;
  readonly onHold: (cause: HoldCause) => void;
}

interface Task {
  readonly cause: 'evaluation' | 'checkpoint';
  run(onDone: () => void): void;
}

const maxUnfinished = 4;

export class SimMilestones {
  readonly #options: MilestonesOptions;
  readonly #tasks: Task[] = [];
  #accuracy: number | undefined;
  #isDropped = false;

  constructor(options: MilestonesOptions) {
    this.#options = options;
  }

  epoch(snapshot: Snapshot): void {
    this.#add({
      cause: 'evaluation',
      run: (onDone) => {
        this.#options.world.after(this.#options.evaluationMs, () => {
          // Goes up and down, so that the best checkpoint is not always the newest.
          this.#accuracy = ((snapshot.version * 37) % 101) / 101;
          onDone();
        });
      },
    });
    this.checkpoint(snapshot);
  }

  checkpoint(snapshot: Snapshot, onDone: (isSaved: boolean) => void = () => undefined): void {
    this.#add({
      cause: 'checkpoint',
      run: (onTaskDone) => {
        const lastTestAccuracy = this.#accuracy ?? snapshot.lastTestAccuracy;
        const evaluated = lastTestAccuracy === undefined ? {} : { lastTestAccuracy };
        this.#options.save({ ...snapshot, ...evaluated }, (isSaved) => {
          onTaskDone();
          onDone(isSaved);
        });
      },
    });
  }

  /** When all that has come up so far is done. */
  whenDone(action: () => void): void {
    this.#add({
      cause: 'checkpoint',
      run: (onDone) => {
        onDone();
        action();
      },
    });
  }

  /** Its process is gone. */
  drop(): void {
    this.#isDropped = true;
  }

  #add(task: Task): void {
    this.#tasks.push(task);
    this.#tellHold();
    if (this.#tasks.length === 1) this.#startFirst();
  }

  #startFirst(): void {
    this.#options.world.after(0, () => {
      if (this.#isDropped) return;
      this.#tasks[0]?.run(() => {
        if (this.#isDropped) return;
        this.#tasks.shift();
        this.#tellHold();
        if (this.#tasks.length > 0) this.#startFirst();
      });
    });
  }

  #tellHold(): void {
    const { length } = this.#tasks;
    if (length > maxUnfinished) this.#options.world.happened('training held');
    this.#options.onHold(length > maxUnfinished ? this.#tasks[0].cause : 'none');
  }
}
