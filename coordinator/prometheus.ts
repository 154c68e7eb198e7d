// The run's figures for Prometheus. Conventional names, base units, and no label for a worker: they come and go, and each
// would leave a series behind.
import { Counter, Gauge, Registry } from 'prom-client';
import type { RunView } from '../shared/run-view.ts';
import type { Route } from './routes.ts';
import { bestAccuracy } from './status.ts';

interface Metric {
  readonly kind: typeof Counter | typeof Gauge;
  readonly name: string;
  readonly help: string;
  /** None while there is nothing to tell. */
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly value: number | undefined;
  readonly labels?: Readonly<Record<string, string>>;
}

export function prometheusRoute(view: () => RunView): Route {
  return {
    path: '/metrics',
    door: 'watch',
    answer: async ({ response }) => {
      // A fresh one each time: all that it tells is counted elsewhere.
      const registry = new Registry();
      for (const metric of [...runMetrics(view()), ...processMetrics()]) tell(registry, metric);
      const text = await registry.metrics();
      response.writeHead(200, { 'content-type': registry.contentType });
      response.end(text);
    },
  };
}

function tell(registry: Registry, { kind, name, help, samples }: Metric): void {
  const known = samples.filter(({ value }) => value !== undefined);
  if (known.length === 0) return;
  const labelNames = Object.keys(known[0].labels ?? {});
  const metric = new kind({ name, help, labelNames, registers: [registry] });
  for (const { labels = {}, value } of known) metric.inc(labels, value);
}

function runMetrics(view: RunView): Metric[] {
  const { run, progress, readyWorkers, rows, end, waitingText, audits } = view;
  const evaluated = view.epochs.at(-1);
  const counted = (end ?? progress ?? evaluated)?.counters;
  const about = run && { run: run.run, dataset: run.config.dataset };
  return [
    {
      kind: Gauge,
      name: 'tutti_run_info',
      help: 'The run.',
      samples: about ? [{ labels: about, value: 1 }] : [],
    },
    gauge('tutti_workers_ready', 'Workers that can compute.', readyWorkers),
    gauge('tutti_workers_late', 'Workers that let a lease expire.', lateWorkers(rows)),
    gauge('tutti_waiting', '1 while the run stands still.', waitingText === undefined ? 0 : 1),
    gauge('tutti_steps', 'Steps of the whole run.', run?.totalSteps),
    counter(
      'tutti_steps_committed_total',
      'Committed steps.',
      progress?.version ?? run?.fromVersion,
    ),
    gauge('tutti_epoch', 'Epoch in progress, from 1.', progress?.epoch),
    gauge('tutti_learning_rate', 'Of the last committed step.', progress?.learningRate),
    gauge('tutti_train_loss', 'Mean loss of the last reported step.', progress?.loss),
    gauge('tutti_train_accuracy_ratio', 'Of the last reported step.', progress?.accuracy),
    gauge('tutti_test_loss', 'Of the last evaluation.', evaluated?.testLoss),
    gauge('tutti_test_accuracy_ratio', 'Of the last evaluation.', evaluated?.testAccuracy),
    gauge('tutti_best_test_accuracy_ratio', 'Of all evaluations.', bestAccuracy(view)),
    gauge('tutti_eta_seconds', 'Until the last step, at this speed.', progress?.etaSeconds),
    counter(
      'tutti_samples_committed_total',
      'Samples in committed steps.',
      counted?.samplesCommitted,
    ),
    counter('tutti_samples_wasted_total', 'Samples computed and not used.', counted?.samplesWasted),
    counters('tutti_gradients_total', 'Answers of workers, by what became of them.', 'outcome', {
      accepted: counted?.gradientsAccepted,
      duplicate: counted?.gradientsDuplicate,
      late: counted?.gradientsLate,
      rejected: counted?.gradientsRejected,
    }),
    counters(
      'tutti_audits_total',
      'Answers drawn to be computed again, by what came of it.',
      'outcome',
      {
        right: audits && audits.checked - audits.unclear - audits.wrong,
        unclear: audits?.unclear,
        wrong: audits?.wrong,
        skipped: audits?.skipped,
      },
    ),
    counters(
      'tutti_network_bytes_total',
      'Of all connections, since this process started.',
      'direction',
      {
        in: counted?.bytesIn,
        out: counted?.bytesOut,
      },
    ),
  ];
}

/** As the client libraries of Prometheus name them. */
function processMetrics(): Metric[] {
  const { user, system } = process.cpuUsage();
  const startedAt = Date.now() / 1000 - process.uptime();
  return [
    counter('process_cpu_seconds_total', 'Processor time.', (user + system) / 1e6),
    gauge('process_resident_memory_bytes', 'Memory.', process.memoryUsage.rss()),
    gauge('process_start_time_seconds', 'Since the epoch.', startedAt),
  ];
}

function gauge(name: string, help: string, value: number | undefined): Metric {
  return { kind: Gauge, name, help, samples: [{ value }] };
}

function counter(name: string, help: string, value: number | undefined): Metric {
  return { kind: Counter, name, help, samples: [{ value }] };
}

/** One of each value of a label. */
function counters(
  name: string,
  help: string,
  label: string,
  values: Readonly<Record<string, number | undefined>>,
): Metric {
  const samples = Object.entries(values).map(([of, value]) => ({ labels: { [label]: of }, value }));
  return { kind: Counter, name, help, samples };
}

function lateWorkers(rows: RunView['rows']): number {
  return rows.filter(({ state }) => state === 'late').length;
}
