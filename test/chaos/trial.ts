// What a row of the suite is: a kind of fault, and the promise that holds through it.
import { Draw } from '../simulator/draw.ts';
import type { TestScope } from '../support.ts';

export interface Trial {
  /** Owns all that is started. */
  readonly t: TestScope;
  readonly seed: number;
  /** Everything that is left to chance follows from the seed. */
  readonly draw: Draw;
  /** For whoever watches. */
  readonly tell: (line: string) => void;
}

export interface Row {
  readonly number: number;
  readonly title: string;
  /**
   * Rejects when the promise is broken. Resolves to how long each recovery took, in milliseconds:
   * none where nothing had to recover.
   */
  readonly play: (trial: Trial) => Promise<readonly number[]>;
}

export function newTrial(row: Row, parts: Pick<Trial, 't' | 'seed' | 'tell'>): Trial {
  return { ...parts, draw: new Draw(parts.seed, 'chaos', row.title) };
}
