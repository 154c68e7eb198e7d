// Everything that the page says, as text: what it shows in, and in which colours, is elsewhere.
import type { RunConfig } from '../../../shared/config.ts';
import type { datasets } from '../../../shared/datasets/index.ts';
import type { RunEventOf } from '../../../shared/events.ts';
import { position, type RunView } from '../../../shared/run-view.ts';
import type { TabEnding, TabState } from '../../../worker/browser/tab-state.ts';

export function integer(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Two digits where there is little, one where there is more. */
export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(fraction < 0.01 ? 2 : 1)} %`;
}

export function plural(count: number, noun: string): string {
  return `${integer(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** What it will compute. */
export function taskText({ config, parameterCount }: RunEventOf<'run'>): string {
  const images = integer(config.shape.trainSamples);
  return (
    `This page will compute gradients for a neural network of ${integer(parameterCount)} weights ` +
    `that learns ${lessons[config.dataset]} from ${images} images.`
  );
}

const lessons: Readonly<Record<RunConfig['dataset'], string>> = {
  mnist: 'to read handwritten digits (MNIST)',
  'fashion-mnist': 'to tell clothes apart (Fashion-MNIST)',
  idx: 'to tell pictures apart',
  images: 'to tell pictures apart',
} satisfies Record<keyof typeof datasets, string>;

/** For whom, and with whom. */
export function purposeText({ run }: RunEventOf<'run'>, workers: number, host: string): string {
  const others =
    workers === 0 ? 'as its first device' : `beside ${plural(workers, 'other device')}`;
  return (
    `The work is for the run ${shortName(run)} of ${host}, ${others}; ` +
    'nothing that is on this device is read or sent.'
  );
}

/** `mnist-7n7t`: when it began is of no use to a guest. */
export function shortName(run: string): string {
  return run.replace(/^\d{8}-\d{6}-/, '');
}

/** `Epoch 4 of 20, step 412 of 938` */
export function positionText(view: RunView): string {
  const { epoch, step, stepsPerEpoch } = position(view);
  const { epochs } = view.run!.config;
  return `Epoch ${epoch} of ${epochs}, step ${integer(step)} of ${integer(stepsPerEpoch)}`;
}

/** In one or two words, for the head of the page. */
export function statusText({ phase, run }: TabState): string {
  switch (phase.kind) {
    case 'connecting':
    case 'joining':
      return 'Connecting';
    case 'away':
      return 'The coordinator is away';
    case 'offered':
      return 'Ready when you are';
    case 'proving':
      return 'Testing what this device can do';
    case 'training':
      return run.waitingText === undefined ? 'Training' : 'Training pauses for a moment';
    case 'spare':
      return 'Waiting as a spare';
    case 'paused':
      return 'Paused';
    case 'over':
      return 'Over';
  }
}

/** What that means, where it is not plain to see. */
export function explanationText({ phase, run }: TabState): string | undefined {
  switch (phase.kind) {
    case 'away':
      return 'Nobody answers at its address. This page keeps trying, and goes on by itself when it is back.';
    case 'spare':
      return 'More devices are here than a step has parts. This one steps in as soon as another one goes.';
    case 'paused':
      return 'This device computes nothing. Its part of the work was handed back to the others.';
    case 'training':
      return run.waitingText;
    default:
      return undefined;
  }
}

export interface EndingText {
  readonly title: string;
  readonly text: string;
  /** What to press next: the page is loaded anew. */
  readonly action: string;
}

export function endingText(ending: TabEnding, { samples, run }: TabState): EndingText {
  const thanks = samples === 0 ? '' : ` This device computed ${plural(samples, 'sample')}.`;
  switch (ending.kind) {
    case 'finished':
      return finishedText(ending.reason, run, thanks);
    case 'left':
      return { title: 'You left the run.', text: `Thank you.${thanks}`, action: 'Join again' };
    case 'refused':
      return {
        title: 'The coordinator sent this device away.',
        text: `Its reason: ${ending.detail}.`,
        action: 'Try again',
      };
    case 'outdated':
      return {
        title: 'This page and its coordinator are of different versions.',
        text: 'Load the page anew to get the one that fits.',
        action: 'Reload',
      };
    case 'failed':
      return {
        title: 'This device cannot go on.',
        text: `${sentence(ending.detail)}${thanks}`,
        action: 'Try again',
      };
  }
}

function finishedText(reason: string, { end }: RunView, thanks: string): EndingText {
  const action = 'Look for the next run';
  const accuracy = end?.testAccuracy;
  const result =
    accuracy === undefined
      ? ''
      : `Together you trained a network that is right about ${percent(accuracy)} of images it has never seen.`;
  switch (reason) {
    case 'completed':
      return { title: 'The run is finished.', text: result + thanks, action };
    case 'stopped':
      return { title: 'The host stopped the run.', text: result + thanks, action };
    case 'diverged':
      return {
        title: 'The run diverged.',
        text: 'Its weights grew beyond all bounds; the host may try a smaller learning rate.',
        action,
      };
    default:
      return { title: 'The run failed.', text: 'The terminal of its host says why.', action };
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;
}
