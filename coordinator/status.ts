// How the run stands at this moment, for programs that ask now and then instead of listening.
import { apiVersion, type RunEventOf } from '../shared/events.ts';
import { emptyView, position, type RunView, reduceView } from '../shared/run-view.ts';
import type { EventLog } from './event-log.ts';
import type { Route } from './routes.ts';

/** The view of this moment. */
export function followRun(log: EventLog): () => RunView {
  let view = log.history.reduce(reduceView, emptyView);
  log.subscribe((event) => {
    view = reduceView(view, event);
  });
  return () => view;
}

export function statusRoute(view: () => RunView): Route {
  return {
    path: '/api/v1/status',
    door: 'watch',
    answer: ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(`${JSON.stringify(statusOf(view()))}\n`);
    },
  };
}

/** Flat where it can be; what is not known yet is absent. */
function statusOf(view: RunView): object {
  const { run, progress, waitingText, readyWorkers, rows, audits, end } = view;
  const evaluated = view.epochs.at(-1);
  const { epoch, step, stepsPerEpoch } = position(view);
  return {
    apiVersion,
    run: run?.run,
    state: stateOf(view),
    waiting: waitingText,
    epoch,
    epochs: run?.config.epochs,
    step,
    stepsPerEpoch,
    version: progress?.version ?? run?.fromVersion,
    totalSteps: run?.totalSteps,
    loss: progress?.loss,
    accuracy: progress?.accuracy,
    learningRate: progress?.learningRate,
    samplesPerSecond: progress?.samplesPerSecond,
    etaSeconds: progress?.etaSeconds,
    evaluated: evaluated && evaluationOf(evaluated),
    bestTestAccuracy: bestAccuracy(view),
    readyWorkers,
    workers: rows,
    ledger: progress?.ledger,
    audits: audits && auditCountsOf(audits),
    counters: (end ?? progress ?? evaluated)?.counters,
  };
}

function stateOf({ run, end, waitingText }: RunView): string {
  if (run === undefined) return 'starting';
  if (end !== undefined) return end.reason;
  return waitingText === undefined ? 'training' : 'waiting';
}

function auditCountsOf({ checked, unclear, wrong, skipped }: RunEventOf<'audits'>): object {
  return { checked, unclear, wrong, skipped };
}

function evaluationOf(event: RunEventOf<'epoch'>): object {
  const { epoch, version, trainLoss, trainAccuracy, testLoss, testAccuracy, ledger } = event;
  return { epoch, version, trainLoss, trainAccuracy, testLoss, testAccuracy, ledger };
}

/** Undefined before the first evaluation. */
export function bestAccuracy({ epochs }: Pick<RunView, 'epochs'>): number | undefined {
  return epochs.length === 0 ? undefined : Math.max(...epochs.map((each) => each.testAccuracy));
}
