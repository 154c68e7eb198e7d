// What must hold at the end of every run, whatever was done to it.
import assert from 'node:assert/strict';
import { type LogRecord, readLog } from '../../coordinator/append-log.ts';
import { auditLedger, readLedger } from '../../coordinator/ledger.ts';
import { openRunFolder, type RunFolder } from '../../coordinator/run-folder.ts';
import { planOf } from '../../shared/config.ts';
import type { RunEventOf } from '../../shared/events.ts';
import { inScope } from '../support.ts';
import { type Lab, openLab } from './lab.ts';

/** Waits for the end: the run is complete, and nobody can tell from its result that anything happened to it. */
export async function assertUnharmed(lab: Lab): Promise<RunEventOf<'end'>> {
  const end = await lab.end();
  const folder = await openRunFolder(lab.runDirectory);
  await assertExactlyOnce(folder, end);
  await assertNoRowTwice(folder);
  await assertSameBits(end, lab);
  return end;
}

export async function assertSameBits(
  { reason, weightsHash }: RunEventOf<'end'>,
  { flags }: Lab,
): Promise<void> {
  assert.equal(reason, 'completed');
  assert.equal(weightsHash, await undisturbedHash(flags), 'the weights are other ones');
}

const undisturbed = new Map<string, Promise<string>>();

/** Of the weights of one worker whom nothing happens to: computed once a configuration. */
function undisturbedHash(flags: readonly string[]): Promise<string> {
  const key = flags.join(' ');
  const known = undisturbed.get(key) ?? trainUndisturbed(flags);
  undisturbed.set(key, known);
  return known;
}

function trainUndisturbed(flags: readonly string[]): Promise<string> {
  return inScope(async (t) => {
    const lab = await openLab(t, { flags, shardMs: 0 });
    lab.startWorker('alone');
    return (await lab.end()).weightsHash;
  });
}

async function assertExactlyOnce(
  { config, paths }: RunFolder,
  { counters }: RunEventOf<'end'>,
): Promise<void> {
  const { shape } = config;
  const plan = planOf(config);
  const ledger = await readLedger(paths.ledger);
  assert.deepEqual(
    ledger.map(({ version }) => version),
    Array.from({ length: plan.totalSteps }, (_, step) => step + 1),
    'the ledger has not each step once, in order',
  );
  for (const { epoch, lost, twice } of auditLedger(ledger, { ...shape, ...plan })) {
    assert.deepEqual({ lost, twice }, { lost: [], twice: [] }, `samples of epoch ${epoch}`);
  }
  assert.equal(counters.samplesCommitted, shape.trainSamples * config.epochs);
  const accepted = ledger.flatMap(({ shards }) => shards).length;
  assert.equal(counters.gradientsAccepted, accepted, 'more gradients were accepted than planned');
}

async function assertNoRowTwice({ config, paths }: RunFolder): Promise<void> {
  const events = await readLog(paths.events);
  const seqs = events.map(({ seq }) => Number(seq));
  assert.ok(
    seqs.every((seq, at) => seq > (seqs[at - 1] ?? 0)),
    'events are not in order, each once',
  );
  const versionsOf = (type: string): unknown[] =>
    events.filter((event: LogRecord) => event.type === type).map(({ version }) => version);
  for (const type of ['epoch', 'step']) {
    const versions = versionsOf(type);
    assert.equal(new Set(versions).size, versions.length, `a row of type ${type} is there twice`);
  }
  assert.equal(versionsOf('epoch').length, config.epochs, 'epochs are missing');
  const seen = { seen: config.shape.trainSamples, lost: 0, twice: 0 };
  for (const { type, epoch, ledger } of events) {
    if (type === 'epoch') assert.deepEqual(ledger, seen, `images of epoch ${epoch}, as told`);
  }
}
