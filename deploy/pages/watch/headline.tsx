// What somebody sees from the back of the room: how far the run is, how fast, how good.
import type { RunEventOf } from '../../../shared/events.ts';
import { position } from '../../../shared/run-view.ts';
import { integer } from '../join/wording.ts';
import { accuracyText, bytesText, capitalized, durationText } from './format.ts';
import { isDashboard, traffic, view } from './store.ts';

export function Headline({ run }: { readonly run: RunEventOf<'run'> }) {
  const { progress, readyWorkers, waitingText, epochs, end } = view.value;
  const { epoch, step, stepsPerEpoch } = position(view.value);
  const version = progress?.version ?? run.fromVersion;
  const best = epochs.length > 0 ? Math.max(...epochs.map((each) => each.testAccuracy)) : undefined;
  const isMoving = end === undefined && waitingText === undefined;
  const { inPerSecond, outPerSecond } = traffic.value;
  const eta = isMoving ? progress?.etaSeconds : undefined;
  return (
    <header>
      <div class="title">
        <h1>
          tutti <span class="run">{run.run}</span>
        </h1>
        {isDashboard.value && <a href={`./${location.hash}`}>All runs</a>}
        <State />
      </div>
      <div class="position">
        <p class="epoch">
          epoch <b>{epoch}</b> of {integer(run.config.epochs)}
        </p>
        <p class="step">
          step <b>{integer(step)}</b> of {integer(stepsPerEpoch)}
        </p>
        <progress
          aria-label="steps of this epoch"
          max={stepsPerEpoch}
          value={step}
          aria-valuetext={`step ${step} of ${stepsPerEpoch}`}
        />
        <progress
          class="whole"
          aria-label="steps of the run"
          max={run.totalSteps}
          value={version}
          aria-valuetext={`step ${version} of ${run.totalSteps}`}
        />
      </div>
      <dl class="figures">
        <Figure title="best test accuracy" value={best === undefined ? '–' : accuracyText(best)} />
        {isDashboard.value ? (
          <PastFigures />
        ) : (
          <>
            <Figure
              title="samples/s"
              value={integer(isMoving ? (progress?.samplesPerSecond ?? 0) : 0)}
            />
            <Figure title="workers" value={integer(readyWorkers)} />
            <Figure title="to go" value={eta === undefined ? '–' : durationText(eta)} />
            <Figure title="received/s" value={bytesText(isMoving ? inPerSecond : 0)} />
            <Figure title="sent/s" value={bytesText(isMoving ? outPerSecond : 0)} />
          </>
        )}
      </dl>
    </header>
  );
}

/** Of the epochs that were trained and evaluated. */
function PastFigures() {
  const { epochs } = view.value;
  const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0);
  const seconds = sum(epochs.map((each) => each.seconds));
  const samples = sum(epochs.map((each) => each.samples));
  return (
    <>
      <Figure title="samples/s" value={seconds > 0 ? integer(samples / seconds) : '–'} />
      <Figure
        title="workers"
        value={integer(Math.max(0, ...epochs.map(({ workers }) => workers)))}
      />
      <Figure title="training time" value={durationText(seconds)} />
    </>
  );
}

function Figure({ title, value }: { readonly title: string; readonly value: string }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{value}</dd>
    </div>
  );
}

const endings: Readonly<Record<RunEventOf<'end'>['reason'], string>> = {
  completed: 'Finished',
  stopped: 'Stopped',
  failed: 'Failed',
  diverged: 'Diverged: the loss is no longer a number',
};

function State() {
  const { end, waitingText } = view.value;
  const [kind, text] =
    end !== undefined
      ? ['over', endings[end.reason]]
      : isDashboard.value
        ? ['over', 'Not finished']
        : waitingText !== undefined
          ? ['waiting', capitalized(waitingText)]
          : ['training', 'Training'];
  return (
    <p class={`state ${kind}`} role="status">
      {text}
    </p>
  );
}
