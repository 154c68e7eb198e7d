// Values as people read them. The locale is fixed: a log reads the same on every machine.
import { isAbsolute, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { cleanName } from '../../shared/names.ts';

const integers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
/** More digits of a speed only flicker. */
const threeDigits = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });

/** `415,310` */
export function formatInteger(value: number): string {
  return integers.format(value);
}

/** `1 worker`, `2 workers` */
export function formatCount(count: number, noun: string): string {
  return `${formatInteger(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `41,200 samples/s` */
export function formatRate(samplesPerSecond: number): string {
  return `${threeDigits.format(samplesPerSecond)} samples/s`;
}

/** A fraction of 1 as `98.20 %`. */
export function formatPercent(fraction: number): string {
  return `${(fraction * 100).toFixed(2)} %`;
}

/** `0.5255`, and `1.23e+9` for what no longer fits a column. */
export function formatLoss(loss: number): string {
  return Math.abs(loss) < 1e5 ? loss.toFixed(4) : loss.toExponential(2);
}

/** `40 ms`, `1.4 s`, `34 s`, `2 m 05 s`, `1 h 03 m` */
export function formatDuration(seconds: number): string {
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const wholeSeconds = Math.round(seconds);
  if (wholeSeconds < 60) return `${wholeSeconds} s`;
  if (wholeSeconds < 3600) {
    return `${Math.floor(wholeSeconds / 60)} m ${twoDigits(wholeSeconds % 60)} s`;
  }
  const wholeMinutes = Math.round(seconds / 60);
  return `${Math.floor(wholeMinutes / 60)} h ${twoDigits(wholeMinutes % 60)} m`;
}

/** Decimal units, as networks and disks are sold: `512 B`, `1.7 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), units.length);
  return `${(bytes / 1000 ** power).toFixed(1)} ${units[power - 1]}`;
}

/** `━━━━╸───`, exactly `width` columns wide, and full only when all is done. */
export function formatBar(fraction: number, width: number): string {
  const halves = Math.floor(Math.min(1, Math.max(0, fraction)) * width * 2);
  const done = '━'.repeat(halves >> 1) + '╸'.repeat(halves & 1);
  return done + '─'.repeat(width - done.length);
}

/**
 * Text from elsewhere, safe in a terminal: on one line, without control sequences, bidirectional
 * overrides and characters that cannot be seen, and cut to `maxLength` characters.
 */
export function sanitize(text: string, maxLength = 500): string {
  const visible = stripVTControlCharacters(text)
    .replace(/[\s\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu, '');
  const characters = [...visible.trim()];
  if (characters.length <= maxLength) return characters.join('');
  return `${characters.slice(0, maxLength - 1).join('')}…`;
}

/** A worker's name: a watcher cannot know that its coordinator has cleaned it. */
export function formatName(name: string): string {
  return cleanName(name, 'unnamed');
}

/** Columns of a terminal that printable text takes, at most. */
export function widthOf(text: string): number {
  return [...text].reduce((sum, character) => sum + columnsOf(character), 0);
}

/** Cuts printable text to `columns` columns of a terminal. */
export function truncate(text: string, columns: number): string {
  let used = 0;
  let fitting = '';
  for (const character of text) {
    used += columnsOf(character);
    if (used <= columns - 1) fitting += character;
  }
  if (used <= columns) return text;
  return columns < 1 ? '' : `${fitting}…`;
}

/**
 * An upper bound, so that a line may end early but never wraps: one column for alphabets,
 * punctuation, arrows, box drawing and bars; two for the rest, which holds East Asian scripts and emoji.
 */
function columnsOf(character: string): number {
  const codePoint = character.codePointAt(0)!;
  const isNarrow =
    codePoint < 0x1100 ||
    (codePoint >= 0x2010 && codePoint < 0x2300) ||
    (codePoint >= 0x2500 && codePoint < 0x25a0);
  return isNarrow ? 1 : 2;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/**
 * One line of NDJSON. What JSON leaves raw but a terminal would act on is escaped: the reader gets
 * the same value, and a screen gets no commands.
 */
export function jsonLine(value: unknown): string {
  const escaped = JSON.stringify(value).replace(
    /[\u007f-\u009f]|\p{Cf}|\p{Zl}|\p{Zp}/gu,
    (character) => character.split('').map(escapeUnit).join(''),
  );
  return `${escaped}\n`;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** As short as it works from here: `runs/ID` rather than the whole path. */
export function formatPath(path: string, from: string = process.cwd()): string {
  const short = relative(from, path);
  const isInside = short !== '' && !short.startsWith('..') && !isAbsolute(short);
  return sanitize(isInside ? short : path);
}
