// A worker in a browser tab: looks at the run, and takes part in it from when it is told to until it is told to stop.
import { progressEventSchema, type RunEvent } from '../../shared/events.ts';
import { Meter } from '../../shared/meter.ts';
import type { Model } from '../../shared/model/model.ts';
import { protocolVersion } from '../../shared/protocol.ts';
import { emptyView, type RunView, reduceView } from '../../shared/run-view.ts';
import { withBearer } from '../bearer.ts';
import { openTrainingData } from '../data-store.ts';
import { auto, chooseEngine } from '../engines/choose.ts';
import type { WorkerNews } from '../news.ts';
import { socketTransport } from '../transport.ts';
import { type WatchEnding, type WatchHandlers, watchRun } from '../watch-run.ts';
import { type ProvenEngine, Worker, type WorkerEnding } from '../worker.ts';
import { createBlockCache } from './block-cache.ts';
import { extendCurve } from './curve.ts';
import { engineChoices } from './engines.ts';
import type { TabOptions } from './messages.ts';
import { sha256 } from './sha256.ts';
import type { TabEnding, TabPhase, TabState } from './tab-state.ts';
import { holdLock } from './web-lock.ts';

/** So often a page is told of what changes all the time. */
const showEveryMs = 200;
/** A driver that crashes again and again is not worth another try. */
const maxBrokenEngines = 3;

export class Tab {
  readonly #options: TabOptions;
  readonly #show: (state: TabState) => void;
  readonly #meter = new Meter();
  /** Names by which coordinators have known it: each connection has another. */
  readonly #ids = new Set<string>();
  /** Those that failed in the middle of the training. */
  readonly #brokenEngines = new Set<string>();
  #state: TabState = {
    phase: { kind: 'connecting' },
    run: emptyView,
    curve: [],
    samplesPerSecond: 0,
    samples: 0,
  };
  #worker: Worker | undefined;
  #releaseLock: () => void = () => undefined;
  #name = '';
  /** In the middle of its work. */
  #wasHidden = false;
  #showTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: TabOptions, show: (state: TabState) => void) {
    this.#options = options;
    this.#show = show;
    const { url, token } = options;
    const handlers: WatchHandlers = {
      onEvent: (event) => this.#watch(event),
      onAway: () => this.#idlePhase({ kind: 'away' }),
      onBack: () => this.#idlePhase({ kind: 'offered' }),
    };
    const watching = watchRun(url, handlers, { schema: progressEventSchema, token });
    watching.ending.then((ending) => this.#watchEnded(ending));
  }

  start(name: string): void {
    if (this.#worker !== undefined || this.#state.phase.kind === 'over') return;
    this.#name = name;
    this.#releaseLock();
    this.#releaseLock = holdLock();
    this.#enter({ kind: 'joining' });
    const { url, token } = this.#options;
    const worker = new Worker({
      connect: socketTransport({
        url,
        handshake: { protocol: protocolVersion, name, kind: 'tab', ...(token && { token }) },
      }),
      loadData: (manifest, imageBytes) =>
        openTrainingData({
          baseUrl: url,
          manifest,
          imageBytes,
          cache: createBlockCache(),
          sha256,
          fetch: withBearer(token),
        }),
      createEngine: (model, sliceSize, wanted) => this.#createEngine(model, sliceSize, wanted),
      now: () => performance.now(),
      onNews: (news) => this.#hear(news),
    });
    this.#worker = worker;
    worker.ending.then((ending) => {
      if (this.#worker === worker) this.#workerEnded(ending);
    });
  }

  /** Hands its work back, and stays to look on. */
  pause(): void {
    this.#stop('it pauses');
    this.#enter({ kind: 'paused' });
  }

  /** As a pause, until `return`. */
  hide(): void {
    this.#wasHidden = this.#worker !== undefined;
    if (!this.#wasHidden) return;
    this.#stop('its page was closed');
    this.#enter({ kind: 'paused' });
  }

  return(): void {
    if (this.#wasHidden) this.start(this.#name);
    this.#wasHidden = false;
  }

  leave(): void {
    this.#stop('its user left');
    this.#end({ kind: 'left' });
  }

  #stop(reason: string): void {
    const worker = this.#worker;
    this.#worker = undefined;
    worker?.leave(reason);
    this.#releaseLock();
  }

  async #createEngine(model: Model, sliceSize: number, wanted?: string): Promise<ProvenEngine> {
    const choices = engineChoices.filter(({ spec }) => !this.#brokenEngines.has(spec));
    if (wanted !== undefined && !engineChoices.some(({ spec }) => spec === wanted)) {
      throw new Error(`the run asks for the engine ${wanted}, which browsers do not have`);
    }
    // Whose engine broke does not get it again, though the link asks for it.
    const asked = this.#brokenEngines.size === 0 ? this.#options.engine : auto;
    const spec = wanted ?? asked;
    const chosen = await chooseEngine({ spec, choices, model, sliceSize });
    this.#change({ engine: { label: chosen.engine.label, story: chosen.story } });
    return chosen;
  }

  #hear(news: WorkerNews): void {
    switch (news.kind) {
      case 'connected':
        return this.#enter({ kind: 'joining' });
      case 'welcome':
        this.#ids.add(news.worker);
        return;
      case 'proving':
        return this.#enter({ kind: 'proving' });
      case 'ready':
        return this.#enter({ kind: 'training' });
      case 'standby':
        return this.#enter({ kind: 'spare' });
      case 'computed': {
        const now = performance.now();
        this.#meter.add(news.samples, now);
        this.#enter({ kind: 'training' });
        return this.#change({
          samples: this.#state.samples + news.samples,
          samplesPerSecond: this.#meter.perSecond(now),
        });
      }
      case 'away':
        return this.#enter({ kind: 'away' });
      default:
        news satisfies never;
    }
  }

  #workerEnded(ending: WorkerEnding): void {
    this.#worker = undefined;
    switch (ending.kind) {
      case 'finished':
      case 'left':
        return this.#end(ending);
      case 'refused':
        return this.#refused(ending.reason, ending.detail);
      case 'failed':
        // A graphics card that was taken away, or a driver that crashed: there are other engines.
        if (ending.stage === 'training' && this.#giveUpEngine()) return this.start(this.#name);
        return this.#end({ kind: 'failed', detail: ending.error.message });
      default:
        ending satisfies never;
    }
  }

  /** False when it is not worth going on with another one. */
  #giveUpEngine(): boolean {
    const { label } = this.#state.engine ?? {};
    if (label !== undefined) this.#brokenEngines.add(label);
    return label !== undefined && this.#brokenEngines.size <= maxBrokenEngines;
  }

  #watch(event: RunEvent): void {
    const run = reduceView(this.#state.run, event);
    const curve = extendCurve(this.#state.curve, event);
    this.#change({ run, curve, share: shareOf(run, this.#ids) });
    if (event.type === 'run' && this.#state.phase.kind === 'connecting') {
      this.#enter({ kind: 'offered' });
    }
  }

  #watchEnded(ending: WatchEnding): void {
    // A worker hears the same, and has its own words for it.
    if (this.#worker !== undefined) return;
    if (ending.kind === 'refused') this.#refused(ending.reason, ending.detail);
    else if (ending.kind === 'ended') {
      this.#end({ kind: 'finished', reason: this.#state.run.end?.reason ?? 'completed' });
    }
  }

  #refused(reason = 'coordinator', detail: string): void {
    this.#end(reason === 'protocol' ? { kind: 'outdated' } : { kind: 'refused', reason, detail });
  }

  /** While no worker has its own view of the connection. */
  #idlePhase(phase: TabPhase): void {
    if (this.#worker === undefined && this.#state.phase.kind !== 'paused') this.#enter(phase);
  }

  #end(ending: TabEnding): void {
    this.#releaseLock();
    this.#enter({ kind: 'over', ending });
  }

  #enter(phase: TabPhase): void {
    const before = this.#state.phase.kind;
    // There is nothing after the end.
    if (before === 'over') return;
    this.#change({ phase, ...(phase.kind !== 'training' && { samplesPerSecond: 0 }) });
    if (before !== phase.kind) this.#showNow();
  }

  #change(changes: Partial<TabState>): void {
    this.#state = { ...this.#state, ...changes };
    this.#showTimer ??= setTimeout(() => this.#showNow(), showEveryMs);
  }

  #showNow(): void {
    clearTimeout(this.#showTimer);
    this.#showTimer = undefined;
    this.#show(this.#state);
  }
}

function shareOf({ progress }: RunView, ids: ReadonlySet<string>): TabState['share'] {
  const entries = Object.entries(progress?.contributions ?? {});
  if (progress === undefined || entries.length === 0) return undefined;
  const sum = (some: typeof entries) => some.reduce((total, [, samples]) => total + samples, 0);
  const own = entries.filter(([worker]) => ids.has(worker));
  return { epoch: progress.epoch, fraction: sum(own) / sum(entries) };
}
