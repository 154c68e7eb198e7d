// npm run bench -- --plan: what a run would do over lines and with workers that are not here, from the stored
// measurements of coordinators and relays.
import { fileURLToPath } from 'node:url';
import { syncings as choices, valueBytes } from '../../deploy/line-choice.ts';
import { aligned } from '../aligned.ts';
import { fitCosts, heldBackErrors } from './cost-model.ts';
import { bestTree, type Place, type Prediction } from './predict.ts';
import { nodesOf, readScale } from './scale-figures.ts';

/** As `--scale --file` leaves them. */
const stored = fileURLToPath(new URL('./scale-measured.json', import.meta.url));

/** What a run may choose, from the mildest on. */
export const syncings = choices.map(({ codec, weightsCodec, localSteps }) => ({
  name: codec === weightsCodec ? codec : `${codec} up, ${weightsCodec} down`,
  gradientBytes: valueBytes[codec],
  weightsBytes: valueBytes[weightsCodec],
  localSteps,
}));
const mostLevels = 4;
/** Workers compute for half of the time: twice as much syncing less would not even double the speed. */
const fairEfficiency = 0.5;
/** As many as a configuration may have. */
const mostShards = 2 ** 16;

/** Prints a table, and which of its rows to take. */
export function printPlan(place: Place, file = stored): void {
  const { machine, date, measurements } = readScale(file);
  const nodes = measurements.flatMap(nodesOf);
  const costs = fitCosts(nodes);
  const computing = { ...place, workers: Math.min(place.workers, mostShards) };
  const predictions = syncings.map((syncing) => bestTree(costs, computing, syncing, mostLevels));
  const chosen = choose(predictions);
  const errors = heldBackErrors(nodes);
  const [workers, parameters] = [place.workers, place.parameters].map(grouped);
  console.log(
    [
      `${workers} workers, ${parameters} parameters`,
      ...(place.workers > mostShards
        ? [
            `A run has ${grouped(mostShards)} shards at most: so many compute, the others are spares.`,
          ]
        : []),
      `Coefficients: ${file}, ${machine.processor}, ${machine.cores} cores, ${date.slice(0, 10)}`,
      `Measurements that were held back: processor time wrong by ${spreadOf(errors.map(({ cpu }) => cpu))}, bytes by ${spreadOf(errors.map(({ bytes }) => bytes))}.`,
      'That codecs take time to convert is left out.',
      '',
      aligned([head, ...predictions.map((each) => rowOf(each, each === chosen))]),
      '',
      advice(chosen),
    ].join('\n'),
  );
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

function spreadOf(errors: readonly number[]): string {
  const sizes = errors.map(Math.abs);
  const mean = sizes.reduce((sum, each) => sum + each, 0) / sizes.length;
  const percent = (part: number) => `${(100 * part).toFixed(0)} %`;
  return `${percent(mean)} on average and ${percent(Math.max(...sizes))} at most`;
}

/** The mildest with which workers compute for a fair part of the time; else the one with the largest part. */
export function choose(predictions: readonly Prediction[]): Prediction {
  const byEfficiency = predictions.toSorted((one, other) => other.efficiency - one.efficiency);
  return predictions.find(({ efficiency }) => efficiency >= fairEfficiency) ?? byEfficiency[0];
}

const head = [
  '',
  'codec',
  'local steps',
  'relays',
  'levels',
  'below each',
  'steps/s',
  'samples/s',
  'computing',
  'MB a node and step',
  'bound by',
];

function rowOf(prediction: Prediction, isChosen: boolean): string[] {
  const { syncing, tree, relays, stepsPerSecond, samplesPerSecond } = prediction;
  return [
    isChosen ? '>' : '',
    syncing.name,
    String(syncing.localSteps),
    relays.toLocaleString('en-US'),
    String(tree.levels),
    String(tree.fanIn),
    stepsPerSecond.toPrecision(3),
    Math.round(samplesPerSecond).toLocaleString('en-US'),
    `${(100 * prediction.efficiency).toFixed(0)} %`,
    (prediction.nodeBytes / 1e6).toFixed(1),
    prediction.bound,
  ];
}

function advice({ syncing, tree, relays, bound }: Prediction): string {
  const often =
    syncing.localSteps === 1 ? 'at every step' : `every ${syncing.localSteps} local steps`;
  const through =
    tree.levels === 0
      ? 'without relays'
      : `over ${relays.toLocaleString('en-US')} relays in ${tree.levels} levels, ${tree.fanIn} below each`;
  return `Take ${syncing.name}, synced ${often}, ${through}: bound by ${bound}.`;
}
