// Whether something became slower since figures were stored. Ratios are compared, because machines differ in seconds:
// each side over PyTorch DDP where both were measured with it, else over the exact path of tutti.
import { readFile } from 'node:fs/promises';
import { aligned } from '../aligned.ts';
import { median } from '../median.ts';

export interface SpeedResult {
  readonly side: string;
  readonly batchSize: number;
  readonly measurements: readonly { readonly epochSeconds: number }[];
}

interface StoredSpeed {
  readonly results: readonly SpeedResult[];
}

const yardsticks = ['PyTorch DDP', 'tutti float32'];
/** Medians of a few rounds on a shared machine differ by less. */
const tolerated = 1.25;

/** Prints what changed. False when a side is slower than it was. */
export async function keepsTo(file: string, results: readonly SpeedResult[]): Promise<boolean> {
  const stored: StoredSpeed = JSON.parse(await readFile(file, 'utf8'));
  const rows = results.flatMap((result) => {
    const yardstick = yardsticks.find((name) => {
      return ratioOver(name, result, results) && ratioOver(name, result, stored.results);
    });
    if (yardstick === undefined || yardstick === result.side) return [];
    const now = ratioOver(yardstick, result, results)!;
    const before = ratioOver(yardstick, result, stored.results)!;
    return [{ ...result, yardstick, now, before, isSlower: now > tolerated * before }];
  });
  const lines = rows.map(({ batchSize, side, yardstick, before, now, isSlower }) => {
    const verdict = isSlower ? 'SLOWER' : '';
    return [`${batchSize}`, side, yardstick, before.toFixed(2), now.toFixed(2), verdict];
  });
  console.log(aligned([['batch', '', 'over', 'stored', 'now', ''], ...lines]));
  return !rows.some(({ isSlower }) => isSlower);
}

/** Of the medians, at the same batch size; undefined where one of them is missing. */
function ratioOver(
  yardstick: string,
  { side, batchSize }: SpeedResult,
  results: readonly SpeedResult[],
): number | undefined {
  const secondsOf = (name: string): number | undefined => {
    const found = results.find((one) => one.side === name && one.batchSize === batchSize);
    return found && median(found.measurements.map(({ epochSeconds }) => epochSeconds));
  };
  const [ours, theirs] = [secondsOf(side), secondsOf(yardstick)];
  return ours && theirs && ours / theirs;
}
