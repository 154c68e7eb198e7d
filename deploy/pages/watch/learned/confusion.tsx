// Labels against answers of the last evaluation; a cell opens its images.
import { useSignal } from '@preact/signals';
import type { DatasetShape } from '../../../../shared/contracts.ts';
import type { RunEventOf } from '../../../../shared/events.ts';
import { isDashboard } from '../store.ts';
import { type Cell, Examples } from './examples.tsx';

interface ConfusionProps {
  readonly evaluated: RunEventOf<'epoch'> | undefined;
  readonly classNames: readonly string[];
  readonly shape: DatasetShape;
}

export function Confusion({ evaluated, classNames, shape }: ConfusionProps) {
  const opened = useSignal<Cell | undefined>(undefined);
  return (
    <section class="card confusion" aria-labelledby="confusion-title">
      <h2 id="confusion-title">Where it errs</h2>
      {evaluated === undefined ? (
        <p class="hint">Known after the first epoch.</p>
      ) : (
        <>
          <p class="hint">
            Test images after epoch {evaluated.epoch}: rows are labels, columns answers.
            {!isDashboard.value && ' Choose a cell to see its images.'}
          </p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
          <section class="scroll" tabIndex={0} aria-label="Confusion matrix">
            <Matrix
              confusion={evaluated.confusion}
              classNames={classNames}
              opened={opened.value}
              onOpen={(cell) => {
                opened.value = cell;
              }}
            />
          </section>
          {opened.value !== undefined && (
            <Examples
              cell={opened.value}
              version={evaluated.version}
              classNames={classNames}
              shape={shape}
            />
          )}
        </>
      )}
    </section>
  );
}

interface MatrixProps {
  readonly confusion: readonly (readonly number[])[];
  readonly classNames: readonly string[];
  readonly opened: Cell | undefined;
  readonly onOpen: (cell: Cell) => void;
}

function Matrix({ confusion, classNames, opened, onOpen }: MatrixProps) {
  const rowSums = confusion.map(sum);
  const columnSums = classNames.map((_, answer) => sum(confusion.map((row) => row[answer])));
  const errors = confusion.flatMap((row, label) => row.filter((_, answer) => answer !== label));
  const mostErrors = Math.max(1, ...errors);
  return (
    <table class="matrix">
      <thead>
        <tr>
          <th scope="col">
            <span class="hidden">label</span>
          </th>
          {classNames.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
          <th scope="col" class="rate">
            recall %
          </th>
        </tr>
      </thead>
      <tbody>
        {confusion.map((row, label) => (
          <tr key={classNames[label]}>
            <th scope="row">{classNames[label]}</th>
            {row.map((count, answer) => (
              <td key={classNames[answer]}>
                <button
                  type="button"
                  class={label === answer ? 'right' : 'wrong'}
                  // A run that is over has left its images to nobody.
                  disabled={count === 0 || isDashboard.value}
                  aria-pressed={opened?.label === label && opened.answer === answer}
                  aria-label={`${classNames[label]} read as ${classNames[answer]}: ${count}`}
                  style={{
                    '--part': strength(count, label === answer ? rowSums[label] : mostErrors),
                  }}
                  onClick={() => onOpen({ label, answer })}
                >
                  {count > 0 ? count : ''}
                </button>
              </td>
            ))}
            <td class="rate">{rateText(row[label], rowSums[label])}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row" class="rate">
            precision %
          </th>
          {columnSums.map((total, answer) => (
            <td class="rate" key={classNames[answer]}>
              {rateText(confusion[answer][answer], total)}
            </td>
          ))}
          <td />
        </tr>
      </tfoot>
    </table>
  );
}

/** Few stand out beside many: by the square root. */
function strength(count: number, most: number): string {
  return `${Math.round(45 * Math.sqrt(count / Math.max(1, most)))}%`;
}

/** In percent. */
function rateText(right: number, total: number): string {
  return total === 0 ? '–' : ((100 * right) / total).toFixed(0);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
