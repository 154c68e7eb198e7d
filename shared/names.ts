// Names come from strangers and end up on terminals and pages.

const maxNameLength = 40;
/** Control, format (bidirectional overrides, zero width), surrogate, private and unassigned characters. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Printable, on one line, of bounded length; `fallback` where nothing is left. */
export function cleanName(name: string, fallback: string, maxLength = maxNameLength): string {
  const cleaned = name
    .slice(0, 10 * maxLength)
    .replace(unprintable, '')
    .trim();
  return [...cleaned].slice(0, maxLength).join('').trim() || fallback;
}
