// One event file of TensorBoard with every step, where the one that is written live has a few a second.
import type { HistoryFormat, RunHistory } from '../contracts.ts';
import { concat } from '../protobuf.ts';
import { fileVersion, scalars, scalarsOf } from '../tensorboard.ts';

export const tensorboard = {
  title: 'event file of TensorBoard',
  suffix: '-tensorboard',
  encode: (history: RunHistory): ReadonlyMap<string, Uint8Array> => {
    const firstTime = secondsOf(history.events[0]?.time ?? new Date(0).toISOString());
    const name = `events.out.tfevents.${String(Math.floor(firstTime)).padStart(10, '0')}.${history.run}`;
    const records = [...stepRecords(history, firstTime), ...epochRecords(history)];
    return new Map([[name, concat([fileVersion(firstTime), ...records])]]);
  },
} satisfies HistoryFormat;

/** The ledger has no times: a step gets that of the report that came next. */
function stepRecords({ steps, events }: RunHistory, firstTime: number): Uint8Array[] {
  const reports = events.filter((event) => event.type === 'step' || event.type === 'epoch');
  let next = 0;
  let wallTime = firstTime;
  return steps.map(({ version, samples, lossSum, correct, learningRate }) => {
    while (next < reports.length && reports[next].version < version) next++;
    if (next < reports.length) wallTime = secondsOf(reports[next].time);
    return scalars(
      { wallTime, step: version },
      {
        'loss/train': lossSum / samples,
        'accuracy/train': correct / samples,
        'optimizer/learning_rate': learningRate,
      },
    );
  });
}

function epochRecords({ events }: RunHistory): Uint8Array[] {
  return events
    .filter((event) => event.type === 'epoch')
    .map((event) => {
      const place = { wallTime: secondsOf(event.time), step: event.version };
      return scalars(place, scalarsOf(event) ?? {});
    });
}

function secondsOf(time: string): number {
  return Date.parse(time) / 1000;
}
