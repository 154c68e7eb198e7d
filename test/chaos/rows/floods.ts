import assert from 'node:assert/strict';
import { watchNamespace } from '../../../shared/protocol.ts';
import { handshakeOf, newStranger } from '../../hostile-client.ts';
import { dial, upgradeRequest, webSocketFrame } from '../../raw-websocket.ts';
import type { TestScope } from '../../support.ts';
import { useOf } from '../process-use.ts';
import { assertUnharmed } from '../promises.ts';
import { openSteadyLab, speedOver, steadySteps } from '../steady-run.ts';
import type { Row } from '../trial.ts';

const leastShare = 0.9;
const maxGrowthBytes = 100e6;

type Nuisance = (t: TestScope, url: string) => Promise<unknown>;

const nuisances: readonly (readonly [least: number, what: string, begin: Nuisance])[] = [
  [500, 'say nothing', dial],
  [300, 'become a WebSocket and nothing else', (t, url) => newStranger(t, url)],
  [100, 'say half a header', saying('GET /livez HTTP/1.1\r\nhos')],
  [
    100,
    'announce a frame of a terabyte',
    (t, url) => saying(upgradeRequest(url), webSocketFrame('', { length: 2 ** 40 }))(t, url),
  ],
  [20, 'watch and never read', watchBlindly],
];

export const floods: Row = {
  number: 16,
  title: 'a thousand idle, half-open, oversized, blind connections',
  play: async (trial) => {
    const { t, draw, tell } = trial;
    const lab = await openSteadyLab(trial);
    const { pid } = lab.coordinator;
    lab.startWorkers('one', 'two');
    await lab.allReady();
    const before = await speedOver(lab, steadySteps / 4);
    const memory = await useOf(pid);
    for (const [least, what, begin] of nuisances) {
      const count = draw.integer(least, 1.3 * least);
      tell(`${count} ${what}`);
      await Promise.all(Array.from({ length: count }, () => begin(t, lab.url)));
    }
    const during = await speedOver(lab, steadySteps / 2);
    const grownBytes = (await useOf(pid)).bytes - memory.bytes;
    const share = during / before;
    tell(`steps/s: ${before.toFixed(2)} before, ${during.toFixed(2)} with them`);
    tell(`memory of the coordinator: ${(grownBytes / 1e6).toFixed(1)} MB more than before`);
    await assertUnharmed(lab);
    assert.ok(share >= leastShare, `honest workers keep ${share} of their speed`);
    assert.ok(grownBytes < maxGrowthBytes, `the coordinator grew by ${grownBytes} bytes`);
    return [];
  },
};

function saying(...words: readonly (string | Buffer)[]): Nuisance {
  return async (t, url) => {
    const socket = await dial(t, url);
    for (const each of words) socket.write(each);
  };
}

async function watchBlindly(t: TestScope, url: string): Promise<void> {
  const stranger = await newStranger(t, url);
  await stranger.enter(watchNamespace, handshakeOf('blind'));
  stranger.wire.socket.pause();
}
