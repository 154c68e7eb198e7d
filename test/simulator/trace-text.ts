// Events and effects in one line each, for whoever replays a seed.
import type { CoreEvent, Effect } from '../../coordinator/core-types.ts';
import type { ShardRun } from '../../shared/protocol.ts';

export function eventText(event: CoreEvent): string {
  switch (event.type) {
    case 'joined':
    case 'left':
      return `${event.worker} ${event.type}`;
    case 'ready':
      return `${event.worker} ready, ${event.samplesPerSecond} samples/s`;
    case 'crew':
      return `${event.worker} has ${event.workers} workers, ${event.samplesPerSecond} samples/s`;
    case 'answer': {
      const { version, samples } = event.answer;
      return `${event.worker} answers ${version}:${runText(event.answer)}, ${samples} samples`;
    }
    case 'bad-message':
      return `${event.worker} sends a bad message: ${event.reason}`;
    case 'expel':
      return `${event.worker} must go: ${event.reason}`;
    case 'hold':
      return `hold: ${event.cause}`;
    case 'pause':
      return `paused by ${event.by}`;
    case 'resume':
    case 'checkpoint':
    case 'stop':
    case 'undo':
    case 'tick':
      return event.type;
    default:
      return event satisfies never;
  }
}

export function effectText(effect: Effect): string {
  switch (effect.type) {
    case 'weights':
      return `${effect.worker} weights ${effect.version}`;
    case 'lease':
      return `${effect.worker} lease ${effect.version}: ${effect.runs.map(runText).join(' ')}`;
    case 'late':
      return `${effect.worker} late, silent for ${effect.silentMs.toFixed(1)} ms`;
    case 'verdict':
      return `${effect.worker} answered ${runText(effect.run)}: ${effect.counts}`;
    case 'standby':
      return `${effect.worker} standby`;
    case 'refuse':
    case 'expel':
      return `${effect.worker} ${effect.type}: ${effect.reason}`;
    case 'commit':
      return `commit ${effect.record.version}`;
    case 'epoch':
    case 'checkpoint':
      return `${effect.type} at ${effect.snapshot.version}`;
    case 'end':
      return `end: ${effect.reason} at ${effect.snapshot.version}`;
    default:
      return effect satisfies never;
  }
}

export function runText({ start, length }: ShardRun): string {
  return length === 1 ? `${start}` : `${start}-${start + length - 1}`;
}
