// Who answers for a lie behind a relay: the relay, and whoever told it to the relay where that looks, too.
import { describe, expect, it } from 'vitest';
import type { AuditVerdict } from '../coordinator/audits.ts';
import type { RelayAudits } from '../coordinator/relay.ts';
import { auditAnswer, auditPlaceOf } from '../deploy/audit-answer.ts';
import { modelOf } from '../shared/config.ts';
import { engines } from '../worker/engines/index.ts';
import { fateIn, newInnerCoordinator, next } from './inner-coordinator.ts';
import { startInnerRelay } from './inner-relay.ts';
import { startLyingWorker } from './lying-worker.ts';
import { inScope, newCluster, quickRun } from './support.ts';

const wrong = async (): Promise<AuditVerdict> => ({ kind: 'wrong', text: 'it is off' });
const right = async (): Promise<AuditVerdict> => ({ kind: 'right' });

/** As deploy/relay-audits.ts does it, in this thread. */
const watchful: RelayAudits = {
  rate: 1,
  order: ({ config }, train) => {
    const place = train().then(async (slice) => {
      const engine = await engines.reference.create(modelOf(config));
      return auditPlaceOf(config, slice, engine);
    });
    return { audit: async (task) => auditAnswer(await place, task) };
  },
};

describe('a relay whose sums are wrong', () => {
  it('is expelled where it does not look at what its workers say', async (t) => {
    const inner = await newInnerCoordinator(t, { audits: { rate: 1, audit: wrong } });
    const relay = await startInnerRelay(t, inner.url);
    await relay.told('connected');
    relay.addWorker('one');
    expect(await relay.relay.ending).toEqual({
      kind: 'refused',
      reason: 'audit',
      detail: 'it is off',
    });
  });

  it('comes back once where it looks and finds nobody', async (t) => {
    const inner = await newInnerCoordinator(t, { audits: { rate: 1, audit: wrong } });
    const audits = { rate: 0.5, order: () => ({ audit: right }) };
    const relay = await startInnerRelay(t, inner.url, { audits });
    await relay.told('connected');
    relay.addWorker('one');
    expect(await relay.relay.ending).toMatchObject({ kind: 'refused', reason: 'audit' });
    const fate = fateIn(inner.log, 'relay').filter((what) => /joined|expelled/.test(what));
    expect(fate).toEqual(['joined', 'expelled: it is off', 'joined', 'expelled: it is off']);
    expect(relay.story).toContain(
      'this relay was expelled (it is off); everybody here is looked at, and it comes back',
    );
  });

  it('expels whoever lied, and comes back with the others', async (t) => {
    let isFirst = true;
    const audit = async (): Promise<AuditVerdict> => {
      const verdict = isFirst ? wrong() : right();
      isFirst = false;
      return verdict;
    };
    const inner = await newInnerCoordinator(t, {
      config: { shards: 4 },
      audits: { rate: 1, audit },
    });
    const relay = await startInnerRelay(t, inner.url, { audits: watchful });
    await relay.told('connected');
    const liar = startLyingWorker(t, relay.url);
    expect(await liar.ending).toMatchObject({
      kind: 'refused',
      reason: 'audit',
      detail: expect.stringMatching(/^its gradient for .* of step \d+ is off by 2/),
    });
    await relay.told(
      'this relay was expelled (it is off); whoever lied is expelled, and it comes back',
    );
    relay.addWorker('one');
    await relay.told('one ready');
    expect(await next(inner.log, 'step')).toMatchObject({ workers: 1 });
    expect(relay.story.filter((what) => what.includes('expelled'))).toContain('liar expelled');
    expect(relay.story).not.toContain('one expelled');
  });

  it('leaves no trace in a run that goes back', async (t) => {
    const flags = [...quickRun, '--epochs=4', '--only-engine=reference', '--shards=4'];
    const honest = await inScope(async (scope) => {
      return (await (await newCluster(scope, { flags })).end()).weightsHash;
    });
    const back = [...flags, '--audit=1', '--audit-rollback'];
    const cluster = await newCluster(t, { flags: back, workers: 0 });
    const relay = await startInnerRelay(t, cluster.url, { audits: watchful });
    await relay.told('connected');
    const liar = startLyingWorker(t, relay.url, { honestShards: 2 });
    expect(await liar.ending).toMatchObject({ kind: 'refused', reason: 'audit' });
    relay.addWorker('one');
    relay.addWorker('two');
    expect((await cluster.end()).weightsHash).toBe(honest);
    expect(relay.story).not.toContain('one expelled');
  });
});
