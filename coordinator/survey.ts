// The survey at its sockets: those who are expected come in, are measured, and are sent away to come back to the run.
import { loadCodecs, type RunCodecs } from '../shared/codecs/index.ts';
import { modelOf, planOf, type RunConfig } from '../shared/config.ts';
import type { Dataset } from '../shared/contracts.ts';
import { apiVersion, type NewRunEvent } from '../shared/events.ts';
import { initialWeights } from '../shared/model/model.ts';
import { type ServedBlocks, serveBlocks } from './block-route.ts';
import type { CoordinatorOptions } from './coordinator.ts';
import { CrewDesk, type CrewDeskOptions, type CrewWatcher } from './crew-desk.ts';
import { createDataBlocks } from './data-blocks.ts';
import { drive } from './drive.ts';
import { EventLog } from './event-log.ts';
import { joinTokenRoute } from './join-token-route.ts';
import type { OpenPort } from './open-port.ts';
import { ownUrls } from './own-url.ts';
import { pageRoute } from './pages.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import { createRunMemory, type RunMemory } from './run-memory.ts';
import { startServer } from './server.ts';
import {
  defaultSurveyTimes,
  type MeasuredLine,
  SurveyCore,
  type SurveyEffect,
  type SurveyEvent,
  type SurveyTimes,
} from './survey-core.ts';
import { openWatchChannel } from './watch-channel.ts';
import { watchRoutes } from './watch-routes.ts';
import { WorkerTable } from './worker-table.ts';

type Shared =
  | 'host'
  | 'port'
  | 'publicHost'
  | 'publicUrl'
  | 'tls'
  | 'origins'
  | 'joinToken'
  | 'pages'
  | 'expectWorkers';

export interface SurveyOptions
  extends Pick<CoordinatorOptions, Shared>,
    Required<Pick<CoordinatorOptions, 'gate' | 'limits'>> {
  /** As it would be if nothing were chosen: what people see, and what is computed with. */
  readonly config: RunConfig;
  readonly dataset: Dataset;
  readonly at: OpenPort;
  /** Where the run will be. */
  readonly runDirectory: string;
  readonly times?: SurveyTimes;
  /** What becomes of workers, and when the measuring begins. */
  readonly onNews: (news: NewRunEvent) => void;
}

/** Not the name of a run: whoever watches forgets it when there is one. */
const surveyName = 'measuring';
const shards = 2;

/** Resolves to the lines of those who answered in time. The port is free for the run then. */
export async function surveyLines(options: SurveyOptions): Promise<readonly MeasuredLine[]> {
  const config = surveyConfigOf(options.config);
  const { parameterCount } = modelOf(config);
  const codecs = await loadCodecs(config.codecs);
  const memory = createRunMemory({ parameterCount, codecs, config, sharedMemory: false });
  const log = new EventLog({ lastSeq: 0 });
  const tell = (news: NewRunEvent): void => {
    log.add(news);
    if (news.type !== 'run') options.onNews(news);
  };
  const data = dataOf(options.dataset, config);
  const refusals = createRefusals((message) => tell(warning(message)));
  const server = await startServer({
    ...options,
    maxPayloadBytes: codecs.gradients.byteLength(parameterCount),
    routes: [
      data.route,
      ...watchRoutes(log, options.limits),
      joinTokenRoute(options.joinToken),
      pageRoute(options.pages),
    ],
    incoming: memory.incoming,
    onRefused: refusals.add,
  });
  openWatchChannel(server.io, log);
  const place = { io: server.io, config, codecs, memory, data: data.manifest, refusals, tell };
  const measured = measure(options, place);
  tell(runEventOf(options));
  const lines = await measured;
  refusals.close();
  server.release();
  return lines;
}

interface SurveyPlace extends Pick<CrewDeskOptions, 'io' | 'config' | 'data'> {
  readonly codecs: RunCodecs;
  readonly memory: RunMemory;
  readonly refusals: Refusals;
  readonly tell: (news: NewRunEvent) => void;
}

function measure(
  { limits, expectWorkers, times = defaultSurveyTimes }: SurveyOptions,
  { codecs, memory, refusals, tell, ...place }: SurveyPlace,
): Promise<readonly MeasuredLine[]> {
  const model = modelOf(place.config);
  const { parameterCount } = model;
  const weights = initialWeights(model, place.config.seed);
  const core = new SurveyCore({
    expectWorkers,
    weightsBytes: codecs.weights.byteLength(parameterCount),
    gradientBytes: codecs.gradients.byteLength(parameterCount),
    times,
  });
  return new Promise((resolve) => {
    const dispatch = drive<SurveyEvent, SurveyEffect>(core, (effect, now) => {
      switch (effect.type) {
        case 'ping': {
          const { worker } = effect;
          return desk.channel.ping(worker, () => dispatch({ type: 'pong', worker }));
        }
        case 'begin':
          return tell({ type: 'notice', level: 'info', message: beginText(effect.workers) });
        case 'measured':
          return resolve(effect.lines);
        default:
          return desk.perform(effect, now);
      }
    });
    const desk = new CrewDesk({
      ...place,
      limits,
      run: surveyName,
      gradients: { codec: codecs.gradients, desk: memory.desk },
      core,
      dispatch,
      weightsAt: (version) => {
        const payload = memory.payloads.take();
        codecs.weights.encode(weights, payload, version);
        return { type: 'weights', version, payload };
      },
      termsOf: () => ({}),
      payloads: memory.payloads,
      watcher: watcherOf(new WorkerTable(planOf(place.config)), core, tell, (worker, computeMs) =>
        dispatch({ type: 'computed', worker, computeMs }),
      ),
      onRefused: refusals.add,
      onFailure: (error) => tell(warning(`a mistake inside tutti: ${error}`)),
    });
  });
}

function warning(message: string): NewRunEvent {
  return { type: 'notice', level: 'warning', message };
}

/** What is computed with, and no more. */
function dataOf({ train: { images, labels } }: Dataset, { shape }: RunConfig): ServedBlocks {
  const { rows, columns, trainSamples } = shape;
  const imageBytes = rows * columns;
  const first = {
    images: images.subarray(0, trainSamples * imageBytes),
    labels: labels.subarray(0, trainSamples),
  };
  return serveBlocks(createDataBlocks(first, imageBytes));
}

/**
 * The same network, computed on slices as large, but with the data of one step alone: a training set on its way would
 * take part of the line. Numbers travel as int8, so that a thin line is measured soon.
 */
function surveyConfigOf({ maxSteps: _, aggregation: __, ...config }: RunConfig): RunConfig {
  const { shape, batchSize } = config;
  const slice = Math.ceil(batchSize / config.shards);
  const samples = Math.min(shards * slice, shape.trainSamples);
  return {
    ...config,
    shape: { ...shape, trainSamples: samples },
    batchSize: samples,
    shards,
    sharding: 'shuffled',
    codecs: { gradients: 'int8', weights: 'int8' },
  };
}

/** For the pages that watch: by what it tells them they know what they could compute for. */
function runEventOf({ config, at, runDirectory, ...options }: SurveyOptions): NewRunEvent {
  const plan = planOf(config);
  return {
    type: 'run',
    apiVersion,
    run: surveyName,
    config,
    parameterCount: modelOf(config).trainableCount,
    stepsPerEpoch: plan.stepsPerEpoch,
    totalSteps: plan.totalSteps,
    url: ownUrls(options, at.port).url,
    runDirectory,
    fromVersion: 0,
  };
}

function watcherOf(
  table: WorkerTable,
  core: SurveyCore,
  tell: (news: NewRunEvent) => void,
  answered: CrewWatcher['answered'],
): CrewWatcher {
  const became: CrewWatcher['became'] = (worker, action, reason) => {
    tell(table.eventOf(worker, { action, reason, workers: core.readyCount }));
    if (action === 'left' || action === 'expelled') table.gone(worker.worker);
  };
  return {
    joined: (peer) => {
      table.joined(peer);
      became(peer, 'joined');
    },
    equipped: (...equipment) => table.equipped(...equipment),
    became,
    leased: () => undefined,
    answered,
    refused: () => undefined,
    retracted: () => undefined,
  };
}

function beginText(workers: number): string {
  return `Measuring the lines of those who are here: ${workers}.`;
}
