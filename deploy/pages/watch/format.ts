// Numbers as the page writes them.
import { integer } from '../join/wording.ts';

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `1.4 MB` */
export function bytesText(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${value < 10 && step > 0 ? value.toFixed(1) : Math.round(value)} ${units[step]}`;
}

/** `48 s`, `3 min 20 s`, `2 h 5 min` */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${integer(Math.floor(whole / 3600))} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Two decimals: a test set of ten thousand tells them apart. */
export function accuracyText(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}

export function lossText(loss: number): string {
  return loss >= 0.1 ? loss.toFixed(3) : loss.toPrecision(3);
}

export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `14:03:22`, of this device's time zone. */
export function clockText(time: string | Date): string {
  return new Date(time).toLocaleTimeString('en-GB');
}

/** `24 Nov 2026, 14:03`, of this device's time zone. */
export function dateText(time: string): string {
  return new Date(time).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
}

/** `14:03:22`, `14:03` or `24 Nov`, as far as marks that are `step` seconds apart differ. */
export function timeTickText(seconds: number, step: number): string {
  const time = new Date(1000 * seconds);
  const clock = clockText(time);
  if (step >= 86_400 || (step >= 3600 && clock.startsWith('00:00'))) {
    return time.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' });
  }
  return step >= 60 ? clock.slice(0, 5) : clock;
}
