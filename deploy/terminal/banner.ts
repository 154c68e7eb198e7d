// What is printed when a run starts or resumes: what it trains, where it is kept, and how to join it.
import { hasFeedback } from '../../shared/codecs/index.ts';
import type { RunConfig } from '../../shared/config.ts';
import { datasets } from '../../shared/datasets/index.ts';
import type { RunEventOf } from '../../shared/events.ts';
import { networkText } from '../../shared/network-text.ts';
import { optimizers } from '../../shared/optimizers/index.ts';
import { stepNoun } from '../../shared/sync.ts';
import { formatCount, formatInteger, formatPath, sanitize } from './format.ts';
import type { Style } from './style.ts';

export function bannerLines(
  event: RunEventOf<'run'>,
  style: Style,
  invitation: readonly string[],
): string[] {
  const row = (title: string, text: string) => titledRow(title, text, style);
  return [
    `${style.bold('tutti')} run ${style.bold(sanitize(event.run))}`,
    ...configLines(event, style),
    row('folder', formatPath(event.runDirectory)),
    ...(event.fromVersion > 0 ? [row('resumes', resumeText(event))] : []),
    '',
    ...invitation,
    ...(invitation.length > 0 ? [''] : []),
  ];
}

type Configured = Pick<
  RunEventOf<'run'>,
  'config' | 'parameterCount' | 'stepsPerEpoch' | 'totalSteps'
>;

/** What it trains, and how. */
export function configLines(run: Configured, style: Style): string[] {
  const { config, parameterCount } = run;
  const network = `${networkText(config)}, ${formatInteger(parameterCount)} parameters`;
  return [
    titledRow('data', dataText(config), style),
    titledRow('network', network, style),
    titledRow('training', trainingText(run), style),
    titledRow('engine', engineText(config), style),
    titledRow('wire', wireText(config), style),
  ];
}

export function titledRow(title: string, text: string, style: Style): string {
  return `  ${style.dim(title.padEnd(8))}  ${text}`;
}

function dataText({ dataset, shape }: RunConfig): string {
  const train = formatInteger(shape.trainSamples);
  const test = formatInteger(shape.testSamples);
  return `${datasets[dataset].title}, ${train} training and ${test} test images`;
}

function trainingText({ config, stepsPerEpoch, totalSteps }: Configured): string {
  const { optimizer, loss, schedule, epochs, sync } = config;
  const noun = stepNoun(sync);
  const endsEarly = totalSteps < epochs * stepsPerEpoch;
  return [
    batchText(config),
    `${formatCount(epochs, 'epoch')} of ${formatCount(stepsPerEpoch, noun)}`,
    ...(endsEarly ? [`at most ${formatCount(totalSteps, noun)}`] : []),
    ...optimizerTexts(optimizer),
    ...outerTexts(sync),
    ...(loss.labelSmoothing > 0 ? [`labels smoothed by ${loss.labelSmoothing}`] : []),
    ...(config.aggregation ? [`${config.aggregation} of the shards`] : []),
    `${schedule.name} schedule`,
    `seed ${config.seed}`,
  ].join(', ');
}

function batchText({ sync, batchSize, shards }: RunConfig): string {
  const batch = `batch ${formatInteger(batchSize)}`;
  if (sync.mode === 'step') return `${batch} in ${formatCount(shards, 'shard')}`;
  const { localSteps } = sync;
  return `${formatCount(shards, 'replica')} of ${formatCount(localSteps, 'local step')} of ${batch} a round`;
}

/** `outer rate 0.7 momentum 0.9`; nothing for the plain mean of the replicas. */
function outerTexts(sync: RunConfig['sync']): string[] {
  if (sync.mode === 'step') return [];
  const { outerLearningRate, outerMomentum } = sync;
  if (outerLearningRate === 1 && outerMomentum === 0) return [];
  return [`outer rate ${outerLearningRate} momentum ${outerMomentum}`];
}

function wireText({ codecs: { gradients, weights, topK } }: RunConfig): string {
  if (gradients === weights) return `gradients and weights as ${weights}`;
  const part = topK === undefined ? '' : `, the largest ${Number((100 * topK).toPrecision(3))} %`;
  return `gradients as ${gradients}${part}, weights as ${weights}`;
}

/** And what follows from it for the result. */
function engineText({ engine, codecs: { gradients } }: RunConfig): string {
  if (hasFeedback(gradients)) {
    const which = engine === undefined ? 'any that proves right' : `${engine} everywhere`;
    return `${which}; other bits each time: what ${gradients} leaves out stays with the worker`;
  }
  return engine === undefined
    ? 'any that proves right; the same bits again where all workers have the same'
    : `${engine} everywhere: the same bits whoever takes part`;
}

/** `sgd rate 0.1 momentum 0.9`: its options, where they are not as usual. */
function optimizerTexts({ clipNorm, ema, ...optimizer }: RunConfig['optimizer']): string[] {
  const { name, learningRate, ...options } = optimizer;
  const usual: Readonly<Record<string, unknown>> = optimizers[name].defaults;
  const unusual = Object.entries(options).filter(([option, value]) => value !== usual[option]);
  const words = unusual.map(([option, value]) =>
    value === true ? option : `${spaced(option)} ${value}`,
  );
  return [
    [name, 'rate', learningRate, ...words].join(' '),
    ...(clipNorm === undefined ? [] : [`gradients clipped to norm ${clipNorm}`]),
    ...(ema === undefined ? [] : [`weights averaged with decay ${ema}`]),
  ];
}

/** `weightDecay` is weight decay here. */
function spaced(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function resumeText({ config, fromVersion, totalSteps }: RunEventOf<'run'>): string {
  return `after ${stepNoun(config.sync)} ${formatInteger(fromVersion)} of ${formatInteger(totalSteps)}`;
}
