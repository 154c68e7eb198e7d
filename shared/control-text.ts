// What an administrator did, as a sentence.
import type { RunEventOf } from './events.ts';

export function controlText(event: RunEventOf<'control'>): string {
  const { kind, by, fromVersion, learningRate, name, reason } = event;
  switch (kind) {
    case 'pause':
      return `${by} paused the run`;
    case 'resume':
      return `${by} let the run go on`;
    case 'stop':
      return `${by} stopped the run`;
    case 'checkpoint':
      return `${by} asked for a checkpoint`;
    case 'rate': {
      const step = (fromVersion + 1).toLocaleString('en-US');
      return `${by} set the learning rate to ${learningRate} from step ${step} on`;
    }
    case 'expel':
      return `${by} expelled ${name}${reason === undefined ? '' : `: ${reason}`}`;
    default:
      return kind satisfies never;
  }
}
