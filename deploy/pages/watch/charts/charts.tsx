// The four curves, and how they are looked at.
import type { RunEventOf } from '../../../../shared/events.ts';
import { accuracyText, lossText } from '../format.ts';
import { curves, curvesVersion } from '../store.ts';
import { Chart } from './chart.tsx';
import { markKinds } from './marks.ts';
import { isLogLoss, smoothing, xAxes, xAxis, zoom } from './options.ts';

export function Charts({ run }: { readonly run: RunEventOf<'run'> }) {
  // Read, so that the charts follow.
  const version = curvesVersion.value;
  const { train, test } = curves;
  const shared = { version, stepsPerEpoch: run.stepsPerEpoch };
  return (
    <section class="card charts" aria-label="Curves">
      <Toolbar />
      <div class="grid">
        <Chart
          title="Train loss"
          points={train}
          isNoisy={true}
          column="losses"
          format={lossText}
          {...shared}
        />
        <Chart
          title="Test loss"
          points={test}
          isNoisy={false}
          column="losses"
          format={lossText}
          {...shared}
        />
        <Chart
          title="Train accuracy"
          points={train}
          isNoisy={true}
          column="accuracies"
          format={accuracyText}
          {...shared}
        />
        <Chart
          title="Test accuracy"
          points={test}
          isNoisy={false}
          column="accuracies"
          format={accuracyText}
          {...shared}
        />
      </div>
      <p class="hint marks">
        {Object.entries(markKinds).map(([kind, { glyph, title, colour }]) => (
          <span key={kind}>
            <b style={{ color: `var(${colour})` }} aria-hidden="true">
              {glyph}
            </b>{' '}
            {title}
          </span>
        ))}
        <span class="keys">drag to zoom, Shift and drag to move, double-click for all</span>
      </p>
    </section>
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
