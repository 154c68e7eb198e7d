// What a run leaves on a disk that fails, in virtual time: the ledger in memory, checkpoints by the real procedure.
import {
  type CheckpointOwner,
  checkpointFileNames,
  type Snapshot,
} from '../../coordinator/checkpoint.ts';
import {
  listCheckpoints,
  loadLatestCheckpoint,
  parseNames,
} from '../../coordinator/checkpoint-folder.ts';
import { saveCheckpoint } from '../../coordinator/checkpoint-store.ts';
import { undoCheckpoints } from '../../coordinator/checkpoint-undo.ts';
import type { DiskOperation, DiskOperations } from '../../coordinator/disk.ts';
import type { RateChange } from '../../coordinator/learning-rates.ts';
import type { LedgerRecord } from '../../coordinator/ledger.ts';
import { stepsBefore } from '../../coordinator/rollback.ts';
import { MemoryDisk } from '../memory-disk.ts';
import { model } from './arithmetic.ts';
import type { Draw } from './draw.ts';
import type { Reference } from './reference.ts';
import type { DiskScenario } from './scenario.ts';
import { violated } from './violation.ts';
import type { World } from './world.ts';

const directory = '/checkpoints';
const owner: CheckpointOwner = { model, run: 'simulated', configHash: 'c'.repeat(64) };

/** The disk refused: the only failure that a save may have. */
class DiskError extends Error {}

export interface ArchiveOptions {
  readonly world: World;
  readonly draw: Draw;
  readonly faults: DiskScenario;
  /** The run may be taken back. */
  readonly keepsPast: boolean;
  /** Told of rates when they are durable. */
  readonly reference: Reference;
  /** True when the process is killed instead of doing it. */
  readonly onOperation: () => boolean;
}

export class SimArchive {
  readonly #options: ArchiveOptions;
  readonly #disk = new MemoryDisk();
  #ledger: LedgerRecord[] = [];
  /** So many records of the ledger are durable. */
  #flushed = 0;
  /** Durable, each as soon as it is there. */
  readonly #rates: RateChange[] = [];
  /** Versions whose checkpoint was reported as durable. */
  readonly #saved = new Set<number>();
  /** Versions that a checkpoint may have: saved or begun, and not undone since. */
  readonly #begun = new Set([0]);
  /** Counts processes: what an earlier one was about to do is not done. */
  #process = 0;
  #isSaving = false;
  #isUndoing = false;

  constructor(options: ArchiveOptions) {
    this.#options = options;
    // A new run's folder is durable before training begins.
    this.#disk.perform({ kind: 'write', path: `${directory}/.run`, bytes: new Uint8Array() });
    this.#disk.perform({ kind: 'syncDirectory', path: directory });
    this.#disk.perform({ kind: 'syncDirectory', path: '/' });
  }

  get ledger(): readonly LedgerRecord[] {
    return this.#ledger;
  }

  get rates(): readonly RateChange[] {
    return this.#rates;
  }

  get isSaving(): boolean {
    return this.#isSaving;
  }

  get isUndoing(): boolean {
    return this.#isUndoing;
  }

  /** The newest checkpoint that loads, if any, with the ledger taken back to it. */
  async open(): Promise<Snapshot | undefined> {
    const { world } = this.#options;
    const unfinished = undoCheckpoints(directory, await this.#disk.list(directory));
    for (const operation of unfinished) this.#disk.perform(operation);
    const { snapshot, skipped } = await loadLatestCheckpoint(directory, owner, this.#disk);
    for (const { path, reason } of skipped) {
      world.happened('checkpoint skipped');
      world.trace?.(`${path} is skipped: ${reason}`);
    }
    const version = snapshot?.version ?? 0;
    const promised = Math.max(0, ...this.#saved);
    if (version < promised) violated(`version ${promised} was durable, ${version} came back`);
    if (!this.#begun.has(version)) violated(`version ${version} came back, which was undone`);
    if (this.#ledger.length > version) world.happened('ledger shortened');
    if (this.#rates.some(({ fromVersion }) => fromVersion > version)) {
      world.happened('change of the learning rate taken back to');
    }
    this.#ledger = this.#ledger.filter((record) => record.version <= version);
    this.#flushed = this.#ledger.length;
    return snapshot;
  }

  append(record: LedgerRecord): void {
    this.#ledger.push(record);
  }

  /** False when the disk refuses. A process that is killed meanwhile may have done it all the same. */
  recordRate(change: RateChange): boolean {
    const { world, draw, onOperation } = this.#options;
    const isKilled = onOperation();
    if (isKilled ? draw.chance(0.5) : this.#refuses()) {
      world.happened('learning rate not recorded');
      return false;
    }
    this.#rates.push(change);
    this.#options.reference.changeRate(change);
    world.happened('learning rate changed');
    return !isKilled;
  }

  /** `onDone` hears whether it is durable now. */
  save(snapshot: Snapshot, onDone: (isSaved: boolean) => void): void {
    this.#isSaving = true;
    this.#begun.add(snapshot.version);
    this.#soon(async () => {
      if (this.#refuses()) return this.#finish(false, onDone);
      this.#flushed = this.#ledger.length;
      const entries = await listCheckpoints(directory, this.#disk);
      const { keepsPast } = this.#options;
      const operations = saveCheckpoint({ directory, snapshot, owner, entries, keepsPast });
      this.#run(operations, operations.next(), (isSaved) => {
        if (isSaved) this.#saved.add(snapshot.version);
        this.#finish(isSaved, onDone);
      });
    });
  }

  /** As coordinator/rollback.ts does it; where the disk refuses, the process ends and the next one goes on with it. */
  undo(liar: string, onDone: () => void): void {
    this.#isUndoing = true;
    this.#soon(async () => {
      const trusted = stepsBefore(new Map([[liar, 0]]), this.#ledger);
      const { snapshot } = await loadLatestCheckpoint(directory, owner, this.#disk, trusted);
      const version = snapshot?.version ?? 0;
      const names = await this.#disk.list(directory);
      const undoing = undoCheckpoints(directory, names, version);
      this.#forgetPruned(names);
      const operations = this.#forgetting(undoing, version);
      this.#run(operations, operations.next(), () => {
        this.#isUndoing = false;
        onDone();
      });
    });
  }

  /** What pruning removed was safe while there were later ones, which go now: it is promised no more. */
  #forgetPruned(names: readonly string[]): void {
    const present = new Set(parseNames(names).map(({ version }) => version));
    for (const version of this.#saved) if (!present.has(version)) this.#saved.delete(version);
  }

  /** Later checkpoints may be gone as soon as it begins, and are once the mark is durable. */
  *#forgetting(operations: DiskOperations, version: number): DiskOperations<string> {
    forgetLater(this.#saved, version);
    for (const operation of operations) {
      yield operation;
      if (operation.kind === 'syncDirectory') forgetLater(this.#begun, version);
    }
    return directory;
  }

  close(): void {
    this.#process++;
    this.#flushed = this.#ledger.length;
  }

  /** The process is gone, and with it what it did not hand to the disk. */
  crash(isPowerCut: boolean): void {
    const { draw, world } = this.#options;
    this.#process++;
    this.#isSaving = false;
    this.#isUndoing = false;
    this.#ledger.length = draw.integer(this.#flushed, this.#ledger.length);
    if (!isPowerCut) return;
    world.happened('power cut');
    this.#disk.crash(draw.random);
  }

  /** Flips a bit of the newest checkpoint, unless it is the only one. */
  async alterNewest(): Promise<void> {
    const { world, draw } = this.#options;
    if (this.#saved.size < 2) return;
    const entries = await listCheckpoints(directory, this.#disk);
    const whole = entries.filter(({ kind }) => kind === 'whole');
    const newest = Math.max(...whole.map(({ version }) => version));
    const name = entries.find(({ version }) => version === newest)?.name;
    const path = `${directory}/${name}/${draw.pick(checkpointFileNames)}`;
    const bytes = Uint8Array.from((await this.#disk.read(path)) ?? []);
    bytes[draw.integer(0, bytes.length - 1)] ^= 1 << draw.integer(0, 7);
    this.#disk.perform({ kind: 'write', path, bytes });
    this.#disk.perform({ kind: 'sync', path });
    for (const folder of [`${directory}/${name}`, directory]) {
      this.#disk.perform({ kind: 'syncDirectory', path: folder });
    }
    this.#saved.delete(newest);
    world.happened('checkpoint altered');
  }

  #finish(isSaved: boolean, onDone: (isSaved: boolean) => void): void {
    this.#isSaving = false;
    if (isSaved) this.#options.world.happened('checkpoint saved');
    onDone(isSaved);
  }

  #run(
    operations: DiskOperations<string>,
    next: IteratorResult<DiskOperation, string>,
    onDone: (isSaved: boolean) => void,
  ): void {
    if (next.done) return onDone(true);
    this.#soon(() => {
      if (this.#options.onOperation()) return this.#tear(next.value);
      try {
        const following = this.#attempt(operations, next.value);
        this.#run(operations, following, onDone);
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        onDone(false);
      }
    });
  }

  #attempt(operations: DiskOperations<string>, operation: DiskOperation) {
    if (this.#refuses()) return operations.throw(new DiskError(`no ${operation.kind}`));
    this.#disk.perform(operation);
    return operations.next();
  }

  #refuses(): boolean {
    const { world, draw, faults } = this.#options;
    if (world.isCalm) return false;
    const isFull = world.nowMs >= faults.full.fromMs && world.nowMs < faults.full.toMs;
    if (!isFull && !draw.chance(faults.failureRate)) return false;
    world.happened('disk error');
    return true;
  }

  /** The process was killed in the middle of it. */
  #tear(operation: DiskOperation): void {
    if (operation.kind !== 'write') return;
    const { world, draw } = this.#options;
    world.happened('write torn');
    const bytes = operation.bytes.slice(0, draw.integer(0, operation.bytes.length));
    this.#disk.perform({ ...operation, bytes });
  }

  #soon(action: () => void | Promise<void>): void {
    const process = this.#process;
    this.#options.world.after(this.#options.faults.operationMs, () => {
      if (process === this.#process) return action();
    });
  }
}

function forgetLater(versions: Set<number>, version: number): void {
  for (const each of versions) if (each > version) versions.delete(each);
}
