// The survey of lines over real sockets, and what a run makes of it.
import { describe, expect, it } from 'vitest';
import { freePort } from '../coordinator/free-port.ts';
import { openGate } from '../coordinator/gate.ts';
import { defaultLimits } from '../coordinator/limits.ts';
import { openPort } from '../coordinator/open-port.ts';
import { Starting } from '../coordinator/starting.ts';
import { surveyLines } from '../coordinator/survey.ts';
import type { SurveyTimes } from '../coordinator/survey-core.ts';
import { modelOf, type RunConfig } from '../shared/config.ts';
import { protocolVersion } from '../shared/protocol.ts';
import { randomSlice } from '../worker/engines/prove.ts';
import { startNodeWorker } from '../worker/node.ts';
import { socketTransport } from '../worker/transport.ts';
import { startProxy } from './chaos/proxy.ts';
import { Draw } from './simulator/draw.ts';
import { startTutti, type TestScope, temporaryFolder } from './support.ts';
import { run } from './terminal-events.ts';

const here = '127.0.0.1';
const tenMbit = 1.25e6;
const thinLine = { bytesPerSecond: tenMbit, delayMs: 10 };

/** A survey of one worker or more at a port of its own. */
async function newSurvey(t: TestScope, expectWorkers: number, times: Partial<SurveyTimes> = {}) {
  const config: RunConfig = {
    ...run.config,
    shape: { trainSamples: 256, testSamples: 1, rows: 28, columns: 28, classes: 10 },
    model: { hidden: [400, 200, 100], activation: 'relu', batchNorm: false, dropout: 0 },
  };
  const train = randomSlice(modelOf(config), config.shape.trainSamples, 1);
  const address = { host: here, port: 0, limits: defaultLimits };
  const at = await openPort(address, new Starting().answer);
  t.onTestFinished(() => at.close());
  const url = `http://${here}:${at.port}`;
  const lines = surveyLines({
    ...address,
    at,
    config,
    dataset: { shape: config.shape, train, test: train },
    gate: openGate,
    expectWorkers,
    runDirectory: 'runs',
    times: { gatherMs: 50_000, measureMs: 50_000, enoughMs: 500, ...times },
    onNews: () => undefined,
  });
  const cacheDirectory = temporaryFolder(t);
  const addWorker = (name: string, address = url): void => {
    const log = () => undefined;
    const worker = startNodeWorker({ url: address, name, engine: 'wasm', cacheDirectory, log });
    t.onTestFinished(async () => worker.leave('the test is over'));
  };
  return { url, lines, addWorker };
}

describe('a survey of lines', () => {
  it('finds what a line of 10 Mbit/s carries, and gives the port back', async (t) => {
    const { url, lines, addWorker } = await newSurvey(t, 1);
    const line = await startProxy(t, url, new Draw(0, 'thin line'));
    line.set(thinLine);
    addWorker('far', line.url);
    const [far] = await lines;
    expect(far.name).toBe('far');
    for (const rate of [far.upBytesPerSecond, far.downBytesPerSecond]) {
      expect(rate).toBeGreaterThan(tenMbit / 1.5);
      expect(rate).toBeLessThan(tenMbit * 1.5);
    }
    expect(far.latencySeconds).toBeGreaterThanOrEqual(0.02);
    expect(far.latencySeconds).toBeLessThan(0.2);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
  });

  it('takes a relay for one, with all who compute behind it', async (t) => {
    const { url, lines } = await newSurvey(t, 2);
    const port = await freePort(here, 0);
    startTutti(t, ['relay', url, '--name=room', `--port=${port}`]);
    for (const name of ['one', 'other']) {
      startTutti(t, ['worker', `http://${here}:${port}`, `--name=${name}`, '--engine=wasm']);
    }
    const measured = await lines;
    expect(measured).toMatchObject([{ name: 'room', workers: 2 }]);
    expect(measured[0].upBytesPerSecond).toBeGreaterThan(tenMbit);
  });

  it('ends without who says that it is ready and answers nothing', async (t) => {
    const { url, lines, addWorker } = await newSurvey(t, 2, { measureMs: 10_000 });
    const hung = socketTransport({
      url,
      handshake: { protocol: protocolVersion, name: 'hung', kind: 'node' },
    })({
      onOpen: () => undefined,
      onClose: () => undefined,
      onMessage: ({ type }) => {
        if (type === 'welcome') hung.send({ type: 'ready', engine: 'none', samplesPerSecond: 9 });
      },
    });
    t.onTestFinished(async () => hung.close());
    addWorker('fine');
    const measured = await lines;
    expect(measured.map(({ name }) => name)).toEqual(['fine']);
  });

  it('is over when nobody gets ready in time', async (t) => {
    const { url, lines } = await newSurvey(t, 1, { gatherMs: 500 });
    const stuck = socketTransport({
      url,
      handshake: { protocol: protocolVersion, name: 'stuck', kind: 'tab' },
    })({ onOpen: () => undefined, onClose: () => undefined, onMessage: () => undefined });
    t.onTestFinished(async () => stuck.close());
    expect(await lines).toEqual([]);
  });
});

describe('--sync auto', () => {
  it('trains over a thin line as seldom as it takes, and goes on so when it is resumed', async (t) => {
    const cwd = temporaryFolder(t);
    const port = await freePort(here, 0);
    const url = `http://${here}:${port}`;
    const line = await startProxy(t, url, new Draw(0, 'thin line'));
    line.set(thinLine);
    const flags = ['--train-samples=4096', '--test-samples=100', '--expect-workers=2'];
    const words = ['coordinator', '--json', '--sync=auto', '--run-id=lesson', `--port=${port}`];
    const start = () => startTutti(t, [...words, ...flags, '--epochs=100'], { cwd });
    const first = start();
    await first.waitForText(/^Waiting for 2 workers, to measure their lines/m);
    const workers = [url, line.url].map((address) => {
      const name = address === url ? 'near' : 'far';
      return startTutti(t, ['worker', address, `--name=${name}`], { cwd });
    });
    const { config } = await first.waitForEvent('run');
    expect(config.codecs).toEqual({ gradients: 'int8', weights: 'float16' });
    expect(config.sync).toMatchObject({ mode: 'local', localSteps: 32 });
    const { message } = await first.waitForEvent('notice', (n) => /^Measured/.test(n.message));
    expect(message).toMatch(/ waits the most of 2\): .* as int8, .* as float16, .* 32 local steps/);
    await first.waitForEvent('step');
    first.kill('SIGKILL');
    await first.exit;
    const again = start();
    const resumed = await again.waitForEvent('run');
    expect(resumed.config).toEqual(config);
    await again.waitForEvent('step');
    // One of them may have taken that step alone, and whoever is away hears of no end.
    for (const back of ['near', 'far']) {
      await again.waitForEvent('worker', ({ name, action }) => name === back && action === 'ready');
    }
    expect(again.stderr).not.toMatch('measure');
    again.kill('SIGTERM');
    expect(await Promise.all(workers.map(({ exit }) => exit))).toEqual([0, 0]);
  }, 120_000);
});
