// What is printed when a run starts or resumes: what it trains, where it is kept, how to join it.
import type { RunConfig } from '../../shared/config.ts';
import { datasets } from '../../shared/datasets/index.ts';
import type { RunEventOf } from '../../shared/events.ts';
import { formatCount, formatInteger, formatPath, sanitize } from './format.ts';
import type { Style } from './style.ts';

export function bannerLines(event: RunEventOf<'run'>, style: Style): string[] {
  const { config } = event;
  const url = sanitize(event.url);
  const row = (title: string, text: string) => `  ${style.dim(title.padEnd(8))}  ${text}`;
  return [
    `${style.bold('tutti')} run ${style.bold(sanitize(event.run))}`,
    row('data', dataText(config)),
    row('network', `${networkText(config)}, ${formatInteger(event.parameterCount)} parameters`),
    row('training', trainingText(event)),
    row('folder', formatPath(event.runDirectory)),
    ...(event.fromVersion > 0 ? [row('resumes', resumeText(event))] : []),
    '',
    `Workers join with: ${style.cyan(`npx tutti worker ${url}`)}`,
    `Watch with: ${style.cyan(`npx tutti watch ${url}`)}`,
    '',
  ];
}

function dataText({ dataset, shape }: RunConfig): string {
  const train = formatInteger(shape.trainSamples);
  const test = formatInteger(shape.testSamples);
  return `${datasets[dataset].title}, ${train} training and ${test} test images`;
}

/** `784-400-200-100-10 relu` */
function networkText({ shape, model }: RunConfig): string {
  const widths = [shape.rows * shape.columns, ...model.hidden, shape.classes];
  return `${widths.join('-')} ${model.activation}${model.batchNorm ? ' with batch norm' : ''}`;
}

function trainingText({ config, stepsPerEpoch, totalSteps }: RunEventOf<'run'>): string {
  const { optimizer, schedule, epochs } = config;
  const momentum = optimizer.momentum > 0 ? ` momentum ${optimizer.momentum}` : '';
  const nesterov = optimizer.nesterov ? ' nesterov' : '';
  const decay = optimizer.weightDecay > 0 ? ` weight decay ${optimizer.weightDecay}` : '';
  const endsEarly = totalSteps < epochs * stepsPerEpoch;
  return [
    `batch ${formatInteger(config.batchSize)} in ${formatCount(config.shards, 'shard')}`,
    `${formatCount(epochs, 'epoch')} of ${formatCount(stepsPerEpoch, 'step')}`,
    ...(endsEarly ? [`at most ${formatCount(totalSteps, 'step')}`] : []),
    `${optimizer.name} rate ${optimizer.learningRate}${momentum}${nesterov}${decay}`,
    `${schedule.name} schedule`,
    `seed ${config.seed}`,
  ].join(', ');
}

function resumeText({ fromVersion, totalSteps }: RunEventOf<'run'>): string {
  return `after step ${formatInteger(fromVersion)} of ${formatInteger(totalSteps)}`;
}
