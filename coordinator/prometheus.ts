// The run's figures for Prometheus, in its text format 0.0.4. Conventional names, base units, and no label for a
// worker: they come and go, and each would leave a series behind.
// https://prometheus.io/docs/instrumenting/exposition_formats
import type { RunView } from '../shared/run-view.ts';
import type { Route } from './routes.ts';
import { bestAccuracy } from './status.ts';

interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** By their labels, as they are written; none of them while there is nothing to tell. */
  readonly values: Readonly<Record<string, number | undefined>>;
}

export function prometheusRoute(view: () => RunView): Route {
  return {
    path: '/metrics',
    door: 'watch',
    answer: ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end([...runMetrics(view()), ...processMetrics()].map(metricText).join(''));
    },
  };
}

function runMetrics(view: RunView): Metric[] {
  const { run, progress, readyWorkers, rows, end, waitingText, audits } = view;
  const evaluated = view.epochs.at(-1);
  const counters = (end ?? progress ?? evaluated)?.counters;
  const about = run && `{run="${run.run}",dataset="${run.config.dataset}"}`;
  const gauge = (name: string, help: string, value: number | undefined): Metric => {
    return { name, type: 'gauge', help, values: { '': value } };
  };
  const counter = (name: string, help: string, values: Metric['values']): Metric => {
    return { name, type: 'counter', help, values };
  };
  return [
    {
      name: 'tutti_run_info',
      type: 'gauge',
      help: 'The run.',
      values: about ? { [about]: 1 } : {},
    },
    gauge('tutti_workers_ready', 'Workers that can compute.', readyWorkers),
    gauge('tutti_workers_late', 'Workers that let a lease expire.', lateWorkers(rows)),
    gauge('tutti_waiting', '1 while the run stands still.', waitingText === undefined ? 0 : 1),
    gauge('tutti_steps', 'Steps of the whole run.', run?.totalSteps),
    counter('tutti_steps_committed_total', 'Committed steps.', {
      '': progress?.version ?? run?.fromVersion,
    }),
    gauge('tutti_epoch', 'Epoch in progress, from 1.', progress?.epoch),
    gauge('tutti_learning_rate', 'Of the last committed step.', progress?.learningRate),
    gauge('tutti_train_loss', 'Mean loss of the last reported step.', progress?.loss),
    gauge('tutti_train_accuracy_ratio', 'Of the last reported step.', progress?.accuracy),
    gauge('tutti_test_loss', 'Of the last evaluation.', evaluated?.testLoss),
    gauge('tutti_test_accuracy_ratio', 'Of the last evaluation.', evaluated?.testAccuracy),
    gauge('tutti_best_test_accuracy_ratio', 'Of all evaluations.', bestAccuracy(view)),
    gauge('tutti_eta_seconds', 'Until the last step, at this speed.', progress?.etaSeconds),
    counter('tutti_samples_committed_total', 'Samples in committed steps.', {
      '': counters?.samplesCommitted,
    }),
    counter('tutti_samples_wasted_total', 'Samples computed and not used.', {
      '': counters?.samplesWasted,
    }),
    counter('tutti_gradients_total', 'Answers of workers, by what became of them.', {
      '{outcome="accepted"}': counters?.gradientsAccepted,
      '{outcome="duplicate"}': counters?.gradientsDuplicate,
      '{outcome="late"}': counters?.gradientsLate,
      '{outcome="rejected"}': counters?.gradientsRejected,
    }),
    counter('tutti_audits_total', 'Answers drawn to be computed again, by what came of it.', {
      '{outcome="right"}': audits && audits.checked - audits.unclear - audits.wrong,
      '{outcome="unclear"}': audits?.unclear,
      '{outcome="wrong"}': audits?.wrong,
      '{outcome="skipped"}': audits?.skipped,
    }),
    counter('tutti_network_bytes_total', 'Of all connections, since this process started.', {
      '{direction="in"}': counters?.bytesIn,
      '{direction="out"}': counters?.bytesOut,
    }),
  ];
}

/** As the client libraries of Prometheus name them. */
function processMetrics(): Metric[] {
  const { user, system } = process.cpuUsage();
  const startedAt = Date.now() / 1000 - process.uptime();
  return [
    {
      name: 'process_cpu_seconds_total',
      type: 'counter',
      help: 'Processor time.',
      values: { '': (user + system) / 1e6 },
    },
    {
      name: 'process_resident_memory_bytes',
      type: 'gauge',
      help: 'Memory.',
      values: { '': process.memoryUsage.rss() },
    },
    {
      name: 'process_start_time_seconds',
      type: 'gauge',
      help: 'Since the epoch.',
      values: { '': startedAt },
    },
  ];
}

function metricText({ name, type, help, values }: Metric): string {
  const samples = Object.entries(values).filter(([, value]) => value !== undefined);
  if (samples.length === 0) return '';
  const lines = samples.map(([labels, value]) => `${name}${labels} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function lateWorkers(rows: RunView['rows']): number {
  return rows.filter(({ state }) => state === 'late').length;
}
