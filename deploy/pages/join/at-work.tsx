// While the device computes, or is about to: how fast it is, its part in the whole, and how the run is doing.
import type { TabHandle, TabState } from '../../../worker/browser/join-run.ts';
import type { DeviceWarnings } from './device.ts';
import { LossCurve } from './loss-curve.tsx';
import { explanationText, integer, percent, plural, positionText } from './wording.ts';

interface AtWorkProps {
  readonly state: TabState;
  readonly warnings: DeviceWarnings;
  readonly tab: Pick<TabHandle, 'pause' | 'leave'>;
  readonly onResume: () => void;
}

export function AtWork({ state, warnings, tab, onResume }: AtWorkProps) {
  const { phase, run, curve, engine, samples, samplesPerSecond, share } = state;
  const explanation = explanationText(state);
  const lastEpoch = run.epochs.at(-1);
  return (
    <section class="work">
      <h1 class="position">{positionText(run)}</h1>
      {explanation !== undefined && <p class="explanation">{explanation}</p>}
      <div class="figures">
        <Figure
          value={integer(samplesPerSecond)}
          unit="samples/s"
          title={`this device, ${integer(samples)} so far`}
        />
        <Figure
          value={share === undefined ? '–' : percent(share.fraction)}
          title={share === undefined ? 'your part' : `you computed of epoch ${share.epoch}`}
        >
          <progress max={1} value={share?.fraction ?? 0} aria-hidden="true" />
        </Figure>
      </div>
      <figure>
        <figcaption>
          <span>training loss {run.progress?.loss.toFixed(3) ?? '–'}</span>
          {lastEpoch && <span>{percent(lastEpoch.testAccuracy)} right on new images</span>}
        </figcaption>
        <LossCurve curve={curve} />
      </figure>
      <p class="together">
        Together: {plural(run.readyWorkers, 'device')},{' '}
        {integer(run.progress?.samplesPerSecond ?? 0)} samples/s
      </p>
      {engine !== undefined && (
        <details>
          <summary>Computes with {engine.label}</summary>
          <p>{engine.story}</p>
        </details>
      )}
      <Warnings {...warnings} />
      <div class="buttons">
        {phase.kind === 'paused' ? (
          <button type="button" class="primary" onClick={onResume}>
            Go on
          </button>
        ) : (
          <button type="button" onClick={tab.pause}>
            Pause
          </button>
        )}
        <button type="button" onClick={tab.leave}>
          Leave
        </button>
      </div>
    </section>
  );
}

interface FigureProps {
  readonly value: string;
  readonly unit?: string;
  readonly title: string;
  readonly children?: preact.ComponentChildren;
}

function Figure({ value, unit, title, children }: FigureProps) {
  return (
    <div class="figure">
      <p class="value">
        {value}
        {unit !== undefined && <span class="unit"> {unit}</span>}
      </p>
      <p class="title">{title}</p>
      {children}
    </div>
  );
}

function Warnings({ lowBattery, wasHidden }: DeviceWarnings) {
  const texts = [
    ...(lowBattery === undefined
      ? []
      : [`The battery is at ${percent(lowBattery)}: plug the device in, or pause.`]),
    ...(wasHidden
      ? ['This tab was out of sight. Keep it in front: many devices put hidden tabs to sleep.']
      : []),
  ];
  return texts.map((text) => (
    <p class="warning" key={text}>
      {text}
    </p>
  ));
}
