import assert from 'node:assert/strict';
import {
  type GradientMessage,
  type RejectReason,
  rejectReasons,
} from '../../../shared/protocol.ts';
import type { Connect } from '../../../worker/transport.ts';
import { openLab } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

interface Lie {
  readonly what: string;
  readonly reason: RejectReason;
  readonly of: (truth: GradientMessage) => Partial<GradientMessage>;
}

const lies: readonly Lie[] = [
  { what: 'NaN', reason: 'not-finite', of: withValue(Number.NaN) },
  { what: 'an infinity', reason: 'not-finite', of: withValue(Number.NEGATIVE_INFINITY) },
  { what: '1e30', reason: 'too-large', of: withValue(1e30) },
  { what: 'a loss of NaN', reason: 'not-finite', of: () => ({ lossSum: Number.NaN }) },
  {
    what: 'a value too few',
    reason: 'wrong-length',
    of: ({ payload }) => ({ payload: payload.slice(4) }),
  },
  {
    what: 'a sample too many',
    reason: 'wrong-count',
    of: ({ samples }) => ({ samples: samples + 1 }),
  },
  {
    what: 'weights of the past',
    reason: 'stale',
    of: () => ({ version: 0, epoch: 0, step: 0 }),
  },
  {
    what: "somebody else's shards",
    reason: 'unknown',
    of: ({ start }) => ({ start: start ^ 4 }),
  },
  { what: 'another run', reason: 'foreign', of: () => ({ run: 'yesterday' }) },
];

export const liars: Row = {
  number: 14,
  title: 'NaN, 1e30, wrong length, stale version, another’s lease ...',
  play: async ({ t, draw, tell }) => {
    const told = draw.several(2, 4, () => draw.pick(lies));
    const lab = await openLab(t, { shardMs: 2 });
    lab.startWorkers('honest');
    await lab.ready('honest');
    // From the first step on, its weights are of the past.
    await lab.reached(1);
    let rejected = 0;
    for (const [index, lie] of told.entries()) {
      const name = `liar ${index + 1}`;
      tell(`${name} answers with ${lie.what}`);
      lab.hostWorker(name, (connect) => lying(connect, lie));
      await lab.coordinator.waitForEvent('worker', (event) => {
        return event.name === name && event.action === 'expelled';
      });
      assert.ok(!lab.isOver, 'the run was over before it was expelled');
      const story = lab
        .storySoFar(name)
        // That it lets others wait for it is no lie.
        .filter(({ action }) => action !== 'late')
        .map(({ action, reason }) => [action, reason]);
      const rejections = story.slice(2, -1);
      const rejection = ['rejected', rejectReasons[lie.reason]];
      assert.ok(rejections.length >= 3, `only ${rejections.length} of its answers were rejected`);
      assert.deepEqual(story, [
        ['joined', undefined],
        ['ready', undefined],
        ...rejections.map(() => rejection),
        ['expelled', rejectReasons.strikes],
      ]);
      rejected += rejections.length;
    }
    const { counters } = await assertUnharmed(lab);
    assert.equal(counters.gradientsRejected, rejected);
    return [];
  },
};

function lying(connect: Connect, { of }: Lie): Connect {
  return (events) => {
    const transport = connect(events);
    return {
      ...transport,
      sendWith: (message, _, makePayload) => {
        const answer = { ...message, payload: makePayload() };
        transport.send({ ...answer, ...of(answer) });
      },
    };
  };
}

function withValue(value: number): Lie['of'] {
  return ({ payload }) => {
    const gradient = new Float32Array(payload.slice().buffer);
    gradient[gradient.length >> 1] = value;
    return { payload: new Uint8Array(gradient.buffer) };
  };
}
