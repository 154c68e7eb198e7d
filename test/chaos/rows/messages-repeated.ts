import assert from 'node:assert/strict';
import type { GradientMessage } from '../../../shared/protocol.ts';
import type { Connect } from '../../../worker/transport.ts';
import type { Draw } from '../../simulator/draw.ts';
import { openLab } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import { startProxy } from '../proxy.ts';
import type { Row } from '../trial.ts';

/** Fewer than the coordinator remembers of a worker: of older ones it cannot tell that they are repeated. */
const remembered = 100;

interface Repeated {
  twice: number;
  replayed: number;
  lost: number;
}

export const messagesRepeated: Row = {
  number: 9,
  title: 'messages sent twice, replayed, sent again after a lost connection',
  play: async ({ t, draw, tell }) => {
    const repeated: Repeated = { twice: 0, replayed: 0, lost: 0 };
    const lab = await openLab(t, { shardMs: 2 });
    const proxy = await startProxy(t, lab.url, draw);
    lab.startWorkers('one');
    const breakOff = (): void => {
      proxy.cut();
      proxy.heal();
    };
    lab.hostWorker(
      'forgetful',
      (connect) => repeating(connect, { draw, repeated, breakOff }),
      proxy.url,
    );
    const { counters } = await assertUnharmed(lab);
    tell(`${JSON.stringify(repeated)}, duplicates refused: ${counters.gradientsDuplicate}`);
    const { twice, replayed } = repeated;
    assert.ok(twice > 0 && replayed > 0, 'nothing was repeated');
    assert.ok(counters.gradientsDuplicate >= (twice + replayed) / 2, 'duplicates were not counted');
    return [];
  },
};

interface RepeatingOptions {
  readonly draw: Draw;
  readonly repeated: Repeated;
  readonly breakOff: () => void;
}

/** A connection of somebody who never knows whether a message has arrived, and rather sends it again. */
function repeating(connect: Connect, { draw, repeated, breakOff }: RepeatingOptions): Connect {
  return (events) => {
    const sent: GradientMessage[] = [];
    let isAnswerLost = false;
    const transport = connect({
      ...events,
      onMessage: (message) => {
        if (isAnswerLost) {
          // The gradient arrived, and nobody here will ever know.
          isAnswerLost = false;
          repeated.lost++;
          return breakOff();
        }
        events.onMessage(message);
      },
    });
    const send = (message: GradientMessage): void => {
      transport.send(message);
      // Its numbers are the engine's own memory.
      sent.push({ ...message, payload: message.payload.slice() });
      if (sent.length > remembered) sent.shift();
      if (draw.chance(0.2)) {
        transport.send(message);
        repeated.twice++;
      }
      if (draw.chance(0.1)) {
        transport.send(draw.pick(sent));
        repeated.replayed++;
      }
      isAnswerLost = draw.chance(0.01);
    };
    return {
      ...transport,
      sendWith: (message, _, makePayload) => send({ ...message, payload: makePayload() }),
    };
  };
}
