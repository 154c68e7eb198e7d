// What may become of a tab that its user looks away from.
import { describe, it } from 'vitest';
import type { RunEventOf } from '../../shared/events.ts';
import { type Cluster, endlessRun, newCluster } from '../support.ts';
import { type BareTab, openBareBrowser } from './bare-browser.ts';
import { noBrowser } from './chromium.ts';

/** As the one from npm. */
const neverHidden =
  'this Chromium is a headless shell, which hides no tab: install a whole one, or name it in CHROMIUM';

const flags = [...endlessRun, '--shards=2', '--only-engine=wasm:simd'];

describe.skipIf(noBrowser)('a tab out of sight', () => {
  it('goes on with its part, and its user is told what may come of it', async (t) => {
    const cluster = await newCluster(t, { workers: 0, flags });
    const browser = await openBareBrowser(t);
    const tab = await browser.openTab(`${cluster.url}/join#autostart&name=Ada`);
    const { worker } = await cluster.waitForWorker('Ada', 'ready');
    await computes(cluster, worker);
    await browser.openTab('about:blank');
    t.skip((await tab.evaluate('document.visibilityState')) !== 'hidden', neverHidden);
    await computes(cluster, worker);
    await shows(tab, 'This tab was out of sight.');
  });

  it('holds nobody up when it is frozen, and goes on when it is thawed', async (t) => {
    const cluster = await newCluster(t, { workers: 0, flags });
    const browser = await openBareBrowser(t);
    const tab = await browser.openTab(`${cluster.url}/join#autostart&name=Ada`);
    const { worker } = await cluster.waitForWorker('Ada', 'ready');
    await computes(cluster, worker);
    await browser.openTab('about:blank');
    await tab.send('Page.setWebLifecycleState', { state: 'frozen' });
    const other = cluster.addWorker('--name=Ben');
    const late = await cluster.waitForWorker('Ada', 'late');
    await cluster.coordinator.waitForEvent('step', ({ seq }) => seq > late.seq);

    await tab.send('Page.setWebLifecycleState', { state: 'active' });
    other.kill('SIGKILL');
    await cluster.waitForWorker('Ben', 'left');
    await computes(cluster, worker);
    await shows(tab, 'Training');
  });
});

/** Until a step that comes from now on has something of this worker in it. */
async function computes({ coordinator }: Cluster, worker: string): Promise<void> {
  const { seq: now } = coordinator.eventsSoFar().at(-1)!;
  const samplesOf = ({ contributions }: RunEventOf<'step'>) => contributions?.[worker] ?? 0;
  const before = await coordinator.waitForEvent('step', ({ seq }) => seq > now);
  await coordinator.waitForEvent('step', (step) => {
    return step.epoch === before.epoch ? samplesOf(step) > samplesOf(before) : samplesOf(step) > 0;
  });
}

/** Until its page says so. */
async function shows(tab: BareTab, text: string): Promise<void> {
  const isShown = `document.body.innerText.includes(${JSON.stringify(text)})`;
  await tab.evaluate(`new Promise((resolve) => {
    const look = () => (${isShown} ? resolve() : setTimeout(look, 20));
    look();
  })`);
}
