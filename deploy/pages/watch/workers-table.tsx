// Who computes, how fast, and what became of the answers: sorted by any column.
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { WorkerRow } from '../../../shared/events.ts';
import { integer, percent, plural } from '../join/wording.ts';
import { isAdministrator } from './control.ts';
import { ExpelButton } from './controls.tsx';
import { bytesText } from './format.ts';
import { rows, workerTraffic } from './store.ts';

interface Column {
  readonly title: string;
  /** Decides the order. */
  readonly key: (row: WorkerRow) => string | number;
  readonly text: (row: WorkerRow) => string;
  readonly isText?: boolean;
}

const columns: readonly Column[] = [
  { title: 'name', key: (row) => row.name, text: (row) => row.name, isText: true },
  { title: 'kind', key: (row) => row.kind, text: kindText, isText: true },
  { title: 'engine', key: engineText, text: engineText, isText: true },
  { title: 'state', key: (row) => row.state, text: (row) => row.state, isText: true },
  {
    title: 'samples/s',
    key: (row) => row.samplesPerSecond,
    text: (row) => integer(row.samplesPerSecond),
  },
  { title: 'share', key: (row) => row.share, text: (row) => percent(row.share) },
  { title: 'compute', key: (row) => row.computeMs ?? -1, text: (row) => msText(row.computeMs) },
  { title: 'network', key: (row) => row.networkMs ?? -1, text: (row) => msText(row.networkMs) },
  { title: 'lag', key: (row) => row.lagMs, text: (row) => msText(row.lagMs) },
  { title: 'sent/s', key: sentOf, text: (row) => rateText(row, sentOf) },
  { title: 'received/s', key: receivedOf, text: (row) => rateText(row, receivedOf) },
  { title: 'accepted', key: (row) => row.accepted, text: (row) => integer(row.accepted) },
  { title: 'late', key: lateCount, text: (row) => integer(lateCount(row)) },
  { title: 'rejected', key: (row) => row.rejected, text: (row) => integer(row.rejected) },
];

export function WorkersTable() {
  const order = useSignal({ column: 4, isDescending: true });
  const { column, isDescending } = order.value;
  // The same ones in another order need not be looked at again: there may be hundreds.
  const drawn = useMemo(
    () => new Map(rows.value.map((row) => [row, <Row key={row.worker} row={row} />])),
    [rows.value],
  );
  const sorted = sortRows(rows.value, columns[column].key, isDescending);
  const sortBy = (at: number): void => {
    const isSame = at === column;
    order.value = { column: at, isDescending: isSame ? !isDescending : !columns[at].isText };
  };
  return (
    <section class="card workers" aria-labelledby="workers-title">
      <h2 id="workers-title">{plural(rows.value.length, 'worker')}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section class="scroll" tabIndex={0} aria-label="Workers">
        <table>
          <thead>
            <tr>
              {columns.map(({ title, isText }, at) => (
                <th
                  key={title}
                  scope="col"
                  class={isText ? 'text' : undefined}
                  aria-sort={
                    at === column ? (isDescending ? 'descending' : 'ascending') : undefined
                  }
                >
                  <button type="button" onClick={() => sortBy(at)}>
                    {title}
                  </button>
                </th>
              ))}
              {isAdministrator.value && (
                <th scope="col">
                  <span class="hidden">expel</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>{sorted.map((row) => drawn.get(row))}</tbody>
        </table>
        {rows.value.length === 0 && <p class="hint">Nobody is here yet.</p>}
      </section>
    </section>
  );
}

function Row({ row }: { readonly row: WorkerRow }) {
  return (
    <tr class={row.state}>
      {columns.map(({ title, text, isText }) => (
        <td key={title} class={isText ? 'text' : undefined}>
          {text(row)}
        </td>
      ))}
      {isAdministrator.value && (
        <td>
          <ExpelButton {...row} />
        </td>
      )}
    </tr>
  );
}

function sortRows(
  rows: readonly WorkerRow[],
  key: Column['key'],
  isDescending: boolean,
): readonly WorkerRow[] {
  const direction = isDescending ? -1 : 1;
  return rows.toSorted((one, other) => {
    const [a, b] = [key(one), key(other)];
    if (a === b) return one.worker < other.worker ? -1 : 1;
    return a < b ? -direction : direction;
  });
}

function kindText({ kind, behind = 0 }: WorkerRow): string {
  if (kind === 'relay') return `Relay of ${integer(behind)}`;
  return kind === 'tab' ? 'Tab' : 'Node';
}

function engineText({ engine = '–' }: WorkerRow): string {
  return engine;
}

/** Somebody else was faster. */
function lateCount({ late, duplicate }: WorkerRow): number {
  return late + duplicate;
}

/** Bytes, as the worker sees it; -1 while it is unknown. */
function sentOf({ worker }: WorkerRow): number {
  return workerTraffic.value.get(worker)?.sentPerSecond ?? -1;
}

function receivedOf({ worker }: WorkerRow): number {
  return workerTraffic.value.get(worker)?.receivedPerSecond ?? -1;
}

function rateText(row: WorkerRow, rateOf: (row: WorkerRow) => number): string {
  const rate = rateOf(row);
  return rate < 0 ? '–' : bytesText(rate);
}

function msText(ms: number | undefined): string {
  return ms === undefined ? '–' : `${ms < 10 ? ms.toFixed(1) : integer(ms)} ms`;
}
