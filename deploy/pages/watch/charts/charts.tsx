// The four curves, and how they are looked at.
import { shortName } from '../../join/wording.ts';
import { accuracyText, lossText } from '../format.ts';
import { Key } from '../past/key.tsx';
import { compared } from '../past/past-store.ts';
import { curvesVersion, run } from '../store.ts';
import { Chart } from './chart.tsx';
import { markKinds } from './marks.ts';
import { isLogLoss, smoothing, xAxes, xAxis, zoom } from './options.ts';

export function Charts() {
  // Read, so that the charts follow.
  const version = curvesVersion.value;
  return (
    <section class="card charts" aria-label="Curves">
      <Toolbar />
      <div class="grid">
        <Chart
          title="Train loss"
          set="train"
          isNoisy={true}
          column="losses"
          format={lossText}
          version={version}
        />
        <Chart
          title="Test loss"
          set="test"
          isNoisy={false}
          column="losses"
          format={lossText}
          version={version}
        />
        <Chart
          title="Train accuracy"
          set="train"
          isNoisy={true}
          column="accuracies"
          format={accuracyText}
          version={version}
        />
        <Chart
          title="Test accuracy"
          set="test"
          isNoisy={false}
          column="accuracies"
          format={accuracyText}
          version={version}
        />
      </div>
      <Legend />
      <p class="hint marks">
        {Object.entries(run.value === undefined ? {} : markKinds).map(
          ([kind, { outline, title, colour }]) => (
            <span key={kind}>
              <svg class="mark" viewBox="-5 -5 10 10" aria-hidden="true">
                <path d={outline} style={{ fill: `var(${colour})` }} />
              </svg>{' '}
              {title}
            </span>
          ),
        )}
        <span class="keys">drag to zoom, Shift and drag to move, double-click for all</span>
        <span class="fingers">two fingers zoom and move</span>
      </p>
    </section>
  );
}

/** Where there are several runs: which is which. */
function Legend() {
  if (compared.value.length === 0) return null;
  const current = run.value?.run;
  return (
    <ul class="legend" aria-label="Runs that are drawn">
      {current !== undefined && (
        <li>
          <Key />
          {shortName(current)}, this run
        </li>
      )}
      {compared.value.map(({ past, place }) => (
        <li key={past.run}>
          <Key place={place} />
          {shortName(past.run)}
        </li>
      ))}
    </ul>
  );
}

function Toolbar() {
  return (
    <div class="toolbar">
      <fieldset class="choice">
        <legend>along</legend>
        {xAxes.map((axis) => (
          <label key={axis}>
            <input
              type="radio"
              name="x-axis"
              checked={xAxis.value === axis}
              onChange={() => {
                xAxis.value = axis;
                zoom.value = undefined;
              }}
            />
            {axis}
          </label>
        ))}
      </fieldset>
      <label>
        smoothing
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={smoothing.value}
          onInput={({ currentTarget }) => {
            smoothing.value = currentTarget.valueAsNumber;
          }}
        />
      </label>
      <label>
        <input
          type="checkbox"
          checked={isLogLoss.value}
          onChange={({ currentTarget }) => {
            isLogLoss.value = currentTarget.checked;
          }}
        />
        log loss
      </label>
      <button
        type="button"
        disabled={zoom.value === undefined}
        onClick={() => {
          zoom.value = undefined;
        }}
      >
        Show all
      </button>
    </div>
  );
}
