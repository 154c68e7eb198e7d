// The entry of /join: looks at the run, and computes when somebody says so.
import { render } from 'preact';
import { openRun, type TabState } from '../../../worker/browser/join-run.ts';
import { type DeviceWarnings, keepAwake, watchDevice } from './device.ts';
import { JoinPage } from './join-page.tsx';
import { parseLink } from './link.ts';
import { recallName, rememberName } from './remembered-name.ts';

const link = parseLink(location.hash);
let state: TabState | undefined;
let warnings: DeviceWarnings = { wasHidden: false, isOffline: false };
let name = link.name ?? recallName() ?? '';
let hasStarted = false;

const tab = openRun({ token: link.token, engine: link.engine, onState: show });
const awake = keepAwake(() => hasStarted && !['paused', 'over'].includes(state!.phase.kind));
watchDevice((changed) => {
  warnings = { ...changed, wasHidden: changed.wasHidden && hasStarted };
  draw();
});

function start(asked: string): void {
  name = asked.trim();
  rememberName(name);
  hasStarted = true;
  tab.start(name || 'a browser');
}

function show(next: TabState): void {
  const isFirstOffer = next.phase.kind === 'offered' && !hasStarted;
  state = next;
  if (isFirstOffer && link.autostart) start(name);
  awake.update();
  draw();
}

function draw(): void {
  if (state === undefined) return;
  const { pause, leave } = tab;
  render(
    <JoinPage
      state={state}
      warnings={warnings}
      tab={{ pause, leave }}
      name={name}
      onStart={start}
    />,
    document.body,
  );
}
