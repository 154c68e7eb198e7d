// Who answers for a lie behind a relay: whoever told it, where the relay looks; where it does not, the relay.
import { beforeAll, describe, expect, it } from 'vitest';
import type { AuditVerdict } from '../coordinator/audits.ts';
import { FirstShares } from '../coordinator/first-shares.ts';
import { freePort } from '../coordinator/free-port.ts';
import type { RelayAudits } from '../coordinator/relay.ts';
import { auditAnswer, auditPlaceOf } from '../deploy/audit-answer.ts';
import { modelOf } from '../shared/config.ts';
import { protocolVersion, workNamespace } from '../shared/protocol.ts';
import { engines } from '../worker/engines/index.ts';
import { startNodeWorker } from '../worker/node.ts';
import { socketTransport } from '../worker/transport.ts';
import { fateIn, newInnerCoordinator, next, noticesIn } from './inner-coordinator.ts';
import { startInnerRelay } from './inner-relay.ts';
import { startLyingWorker } from './lying-worker.ts';
import {
  inScope,
  newCluster,
  quickRun,
  startTutti,
  type TestScope,
  temporaryFolder,
} from './support.ts';

const wrong = async (): Promise<AuditVerdict> => ({ kind: 'wrong', text: 'it is off' });
const right = async (): Promise<AuditVerdict> => ({ kind: 'right' });

/** As deploy/relay-audits.ts does it, in this thread. */
const watchful: RelayAudits = {
  rate: 0.05,
  prepare: async ({ config }, train) => {
    const engine = await engines.reference.create(modelOf(config));
    const place = await auditPlaceOf(config, await train(), engine);
    return (task) => auditAnswer(place, task);
  },
};

/** 480 steps; one in three that lies does not keep it from learning. */
const config = { shards: 4, epochs: 30 };

describe('a relay that looks at what its workers say', () => {
  it('expels the one of three that lies, tells of it, and goes on with the others', async (t) => {
    const inner = await newInnerCoordinator(t, { config });
    const relay = await startInnerRelay(t, inner.url, { audits: watchful });
    let lies = 0;
    const liar = startLyingWorker(t, relay.url, { onLie: () => lies++ });
    const others = ['one', 'two'].map((name) => relay.addWorker(name));
    expect(await liar.ending).toMatchObject({
      kind: 'refused',
      reason: 'audit',
      detail: expect.stringMatching(/^its gradient for .* of step \d+ is off by 2/),
    });
    expect(lies).toBeLessThanOrEqual(40);
    for (const { ending } of others) {
      expect(await ending).toEqual({ kind: 'finished', reason: 'completed' });
    }
    expect(noticesIn(inner.log)).toEqual([
      expect.stringMatching(/^relay takes back what it gave from step \d+ on: liar lied: its grad/),
    ]);
    expect(fateIn(inner.log, 'relay')).not.toContainEqual(expect.stringMatching(/expelled|left/));
    expect(relay.story.filter((what) => what.includes('expelled'))).toEqual(['liar expelled']);
  });

  it('passes on what the relays behind it take back of their own', async (t) => {
    const inner = await newInnerCoordinator(t, { config: { ...config, epochs: 60 } });
    const upper = await startInnerRelay(t, inner.url, { name: 'upper' });
    const lower = await startInnerRelay(t, upper.url, { name: 'lower', audits: watchful });
    const [beside, behind] = [upper.addWorker('beside'), lower.addWorker('behind')];
    await next(inner.log, 'step', ({ version }) => version > 5);
    const liar = startLyingWorker(t, lower.url);
    expect(await liar.ending).toMatchObject({ kind: 'refused', reason: 'audit' });
    takeBackFor(t, upper.url, 'stranger');
    await upper.told('stranger left');
    for (const { ending } of [beside, behind]) {
      expect(await ending).toEqual({ kind: 'finished', reason: 'completed' });
    }
    expect(noticesIn(inner.log)).toEqual([
      expect.stringMatching(/^upper takes back what it gave from step \d+ on: lower: liar lied: /),
    ]);
  });

  it('expels a relay behind it that does not look, and goes on with the others', async (t) => {
    const inner = await newInnerCoordinator(t, { config });
    const upper = await startInnerRelay(t, inner.url, { name: 'upper', audits: watchful });
    const lower = await startInnerRelay(t, upper.url, { name: 'lower' });
    const beside = upper.addWorker('beside');
    startLyingWorker(t, lower.url);
    expect(await lower.relay.ending).toMatchObject({ kind: 'refused', reason: 'audit' });
    expect(await beside.ending).toEqual({ kind: 'finished', reason: 'completed' });
    expect(fateIn(inner.log, 'upper')).not.toContainEqual(expect.stringMatching(/expelled|left/));
  });

  it('takes back what it found out while its coordinator was away, when that is there again', async (t) => {
    let release: (verdict: AuditVerdict) => void = () => undefined;
    const held = new Promise<AuditVerdict>((resolve) => {
      release = resolve;
    });
    let isFirst = true;
    const audit = (): Promise<AuditVerdict> => {
      const verdict = isFirst ? held : right();
      isFirst = false;
      return verdict;
    };
    const inner = await newInnerCoordinator(t, { config });
    const relay = await startInnerRelay(t, inner.url, {
      audits: { rate: 1, prepare: async () => audit },
    });
    const one = relay.addWorker('one');
    await next(inner.log, 'step');
    for (const { conn } of inner.server.io.of(workNamespace).sockets.values()) conn.close();
    await relay.told('away');
    const told = next(inner.log, 'notice');
    release(await wrong());
    expect(await one.ending).toMatchObject({ kind: 'refused', reason: 'audit' });
    const { message } = await told;
    expect(message).toBe('relay takes back what it gave from step 1 on: one lied: it is off');
  });
});

describe('the first share of a worker', () => {
  it('is the earliest under its name, also where a run went back', () => {
    const shares = new FirstShares();
    for (const version of [7, 9, 4, 5]) shares.add('eve', version);
    expect(shares.of('eve')).toBe(4);
    expect(shares.of('ada')).toBeUndefined();
  });

  it('is taken for the first of all where there were too many names to know', () => {
    const shares = new FirstShares();
    for (let at = 0; at < 10_001; at++) shares.add(`w${at}`, 7);
    expect([shares.of('w9999'), shares.of('w10000')]).toEqual([7, 0]);
  });
});

describe('a relay whose sums are wrong', () => {
  it('is expelled where it does not look at what its workers say', async (t) => {
    const inner = await newInnerCoordinator(t, { config, audits: { rate: 1, audit: wrong } });
    const relay = await startInnerRelay(t, inner.url);
    relay.addWorker('one');
    expect(await relay.relay.ending).toEqual({
      kind: 'refused',
      reason: 'audit',
      detail: 'it is off',
    });
  });

  it('comes back once where it looks and finds nobody', async (t) => {
    const inner = await newInnerCoordinator(t, { config, audits: { rate: 1, audit: wrong } });
    const audits = { rate: 0.5, prepare: async () => right };
    const relay = await startInnerRelay(t, inner.url, { audits });
    relay.addWorker('one');
    expect(await relay.relay.ending).toMatchObject({ kind: 'refused', reason: 'audit' });
    const fate = fateIn(inner.log, 'relay').filter((what) => /joined|expelled/.test(what));
    expect(fate).toEqual(['joined', 'expelled: it is off', 'joined', 'expelled: it is off']);
    expect(relay.story).toContain(
      'this relay was expelled: it is off; it looks at all that is said here, and it comes back',
    );
  });

  it('comes back without whoever lied', async (t) => {
    let isFirst = true;
    const audit = async (): Promise<AuditVerdict> => {
      const verdict = isFirst ? wrong() : right();
      isFirst = false;
      return verdict;
    };
    const inner = await newInnerCoordinator(t, { config, audits: { rate: 1, audit } });
    const relay = await startInnerRelay(t, inner.url, { audits: watchful });
    const liar = startLyingWorker(t, relay.url);
    expect(await liar.ending).toMatchObject({ kind: 'refused', reason: 'audit' });
    await relay.told(
      'this relay was expelled: it is off; whoever lied is expelled here, and it comes back',
    );
    const one = relay.addWorker('one');
    expect(await one.ending).toEqual({ kind: 'finished', reason: 'completed' });
  });
});

describe('a run that goes back', () => {
  const engine = 'wasm:simd';
  const flags = [...quickRun, '--epochs=12', `--only-engine=${engine}`, '--shards=4'];
  /** Nothing but the relay finds the lie: of a million sums of a relay's the coordinator looks at twenty. */
  const back = [...flags, '--audit=0.000001', '--audit-rollback'];

  let honest: string;
  beforeAll(async () => {
    honest = await inScope(async (t) => (await (await newCluster(t, { flags })).end()).weightsHash);
  });

  it('ends as if whoever lied behind a relay had never been there', async (t) => {
    const cluster = await newCluster(t, { flags: back, workers: 0 });
    const { coordinator } = cluster;
    const port = await freePort('127.0.0.1', 0);
    const words = ['relay', cluster.url, '--name=room', '--audit=0.05', `--port=${port}`];
    const relay = startTutti(t, words);
    const url = `http://127.0.0.1:${port}`;
    const cacheDirectory = temporaryFolder(t);
    const others = ['one', 'two'].map((name) => {
      const worker = startNodeWorker({ url, name, engine, cacheDirectory, log: () => undefined });
      t.onTestFinished(async () => worker.leave('the test is over'));
      return worker;
    });
    await coordinator.waitForEvent('step', ({ version }) => version >= 4);
    const liar = startLyingWorker(t, url, { engine });
    expect(await liar.ending).toMatchObject({ kind: 'refused', reason: 'audit' });
    const again = await coordinator.waitForEvent('notice', ({ level, message }) => {
      return level === 'warning' && message.includes('the run goes back');
    });
    expect(again.message).toMatch(/^what room gave from step \d+ on is not to be trusted: /);
    expect((await cluster.end()).weightsHash).toBe(honest);
    expect(await relay.exit).toBe(0);
    for (const { ending } of others) {
      expect(await ending).toEqual({ kind: 'finished', reason: 'completed' });
    }
  });
});

/** As a relay that gave nothing and takes back everything. */
function takeBackFor(t: TestScope, url: string, name: string): void {
  const handshake = { protocol: protocolVersion, name, kind: 'relay' } as const;
  const transport = socketTransport({ url, handshake })({
    onOpen: () => undefined,
    onClose: () => undefined,
    onMessage: ({ type }) => {
      if (type !== 'welcome') return;
      transport.send({ type: 'retract', since: 0, reason: 'nothing is true' });
      transport.send({ type: 'leave', reason: 'it is done' });
    },
  });
  t.onTestFinished(async () => transport.close());
}
