// The runs of the folder: what each of them was, which are drawn beside the one on screen, and what they left.
import { useEffect } from 'preact/hooks';
import { networkText } from '../../../../shared/network-text.ts';
import { integer, plural } from '../../join/wording.ts';
import { accuracyText, bytesText, dateText } from '../format.ts';
import { isDashboard, isOver, run } from '../store.ts';
import { addressWith } from './address.ts';
import { Differences } from './differences.tsx';
import { fileAddress, type PastRun, saveFile } from './fetch-runs.ts';
import { Key } from './key.tsx';
import {
  coming,
  compared,
  isFull,
  mostCompared,
  pastRuns,
  problem,
  refreshRuns,
  toggle,
} from './past-store.ts';

export function PastRuns() {
  useEffect(() => void refreshRuns(), [run.value?.run, isOver.value]);
  const current = run.value?.run;
  const runs = pastRuns.value ?? [];
  const others = runs.filter((past) => past.run !== current);
  // Where a run is on screen and there are no others, there is nothing to compare it with.
  if (others.length === 0) return null;
  return (
    <section class="card past" aria-labelledby="past-title">
      <h2 id="past-title">{isDashboard.value ? plural(runs.length, 'run') : 'Past runs'}</h2>
      <p class="hint">
        Choose up to {mostCompared} to draw their curves
        {current !== undefined && ' beside this run'}
        {isDashboard.value && ', or open one by its name'}.
      </p>
      {problem.value !== undefined && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section class="scroll" tabIndex={0} aria-label="Runs">
        <table>
          <thead>
            <tr>
              <th scope="col" class="text">
                run
              </th>
              <th scope="col" class="text">
                started
              </th>
              <th scope="col" class="text">
                network
              </th>
              <th scope="col">epochs</th>
              <th scope="col">best test accuracy</th>
              <th scope="col" class="text">
                state
              </th>
              <th scope="col" class="text">
                files
              </th>
            </tr>
          </thead>
          <tbody>
            {(isDashboard.value ? runs : others).map((past) => (
              <Row key={past.run} past={past} isOnScreen={past.run === current} />
            ))}
          </tbody>
        </table>
      </section>
      <Differences />
    </section>
  );
}

function Row({ past, isOnScreen }: { readonly past: PastRun; readonly isOnScreen: boolean }) {
  const { run: name, created, state, epochs, bestAccuracy, config, files } = past;
  const drawn = compared.value.find((each) => each.past.run === name);
  const isDrawn = isOnScreen || drawn !== undefined || coming.value.has(name);
  return (
    <tr>
      <th scope="row" class="text">
        <input
          type="checkbox"
          aria-label={`Draw ${name}`}
          checked={isDrawn}
          disabled={isOnScreen || (isFull.value && !isDrawn)}
          onChange={() => toggle(past)}
        />
        {drawn !== undefined && <Key place={drawn.place} />}
        {isDashboard.value && !isOnScreen ? <a href={addressWith({ run: name })}>{name}</a> : name}
      </th>
      <td class="text">{dateText(created)}</td>
      <td class="text">{networkText(config)}</td>
      <td>
        {integer(epochs)} of {integer(config.epochs)}
      </td>
      <td>{bestAccuracy === undefined ? '–' : accuracyText(bestAccuracy)}</td>
      <td class="text">{isOnScreen ? 'on screen' : state}</td>
      <td class="text files">
        <details>
          <summary>{plural(files.length, 'file')}</summary>
          {files.map((file) => (
            <a
              key={file.name}
              href={fileAddress(name, file.name)}
              download
              onClick={(event) => saveFile(event, name, file.name)}
            >
              {file.name}, {bytesText(file.bytes)}
            </a>
          ))}
        </details>
      </td>
    </tr>
  );
}
