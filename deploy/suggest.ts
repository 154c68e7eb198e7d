// "Did you mean": the known word that a mistyped one was probably meant to be.
import { distance } from 'fastest-levenshtein';

/** The known word nearest to `unknown`, or undefined when none is near enough to be meant. */
export function nearest(unknown: string, known: readonly string[]): string | undefined {
  const typed = normalize(unknown);
  let best: string | undefined;
  let bestEdits = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const word = normalize(candidate);
    const edits = distance(typed, word);
    if (edits < bestEdits && edits <= mostEdits(typed, word)) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

/** The flag that was probably meant, with its dashes; `known` may come with or without them. */
export function suggestFlag(unknown: string, known: readonly string[]): string | undefined {
  const match = nearest(unknown, known);
  return match === undefined ? undefined : `--${match.replace(/^-+/, '')}`;
}

/** Case and separators are what people misremember most, so they cost nothing. */
function normalize(word: string): string {
  return word.toLowerCase().replace(/[-_\s]/g, '');
}

/** A third of the word, at least one; never a whole word, or any letter would suggest any other. */
function mostEdits(typed: string, word: string): number {
  const shorter = Math.min(typed.length, word.length);
  return Math.min(Math.max(1, Math.round(word.length / 3)), shorter - 1);
}
