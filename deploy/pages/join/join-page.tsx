// The page in all its states, as a function of what is known.
import type { TabHandle, TabState } from '../../../worker/browser/join-run.ts';
import { AtWork } from './at-work.tsx';
import type { DeviceWarnings } from './device.ts';
import { LossCurve } from './loss-curve.tsx';
import { Offer } from './offer.tsx';
import { endingText, explanationText, statusText } from './wording.ts';

export interface JoinPageProps {
  readonly state: TabState;
  readonly warnings: DeviceWarnings;
  readonly tab: Pick<TabHandle, 'pause' | 'leave'>;
  readonly name: string;
  readonly onStart: (name: string) => void;
}

export function JoinPage(props: JoinPageProps) {
  const { state, warnings } = props;
  return (
    <>
      <header>
        <span class="brand">tutti</span>
        <span class={`status ${state.phase.kind}`} role="status">
          {warnings.isOffline ? 'This device is offline' : statusText(state)}
        </span>
      </header>
      <main>
        <Content {...props} />
      </main>
    </>
  );
}

function Content({ state, warnings, tab, name, onStart }: JoinPageProps) {
  const { phase, run, samples } = state;
  if (phase.kind === 'over') return <Ending state={state} />;
  if (phase.kind === 'offered' && run.run !== undefined) {
    return <Offer view={run} run={run.run} name={name} onStart={onStart} />;
  }
  if (run.run === undefined || (phase.kind === 'away' && samples === 0)) {
    return (
      <section class="message">
        <h1>{phase.kind === 'away' ? 'The coordinator is away.' : 'One moment'}</h1>
        <p>{explanationText(state) ?? 'Looking for the run.'}</p>
      </section>
    );
  }
  return <AtWork state={state} warnings={warnings} tab={tab} onResume={() => onStart(name)} />;
}

function Ending({ state }: { readonly state: TabState }) {
  if (state.phase.kind !== 'over') return null;
  const { title, text, action } = endingText(state.phase.ending, state);
  return (
    <section class="message">
      <h1>{title}</h1>
      <p>{text}</p>
      {state.curve.length > 1 && (
        <figure>
          <figcaption>training loss of the run</figcaption>
          <LossCurve curve={state.curve} />
        </figure>
      )}
      <button type="button" class="primary" onClick={() => location.reload()}>
        {action}
      </button>
    </section>
  );
}
