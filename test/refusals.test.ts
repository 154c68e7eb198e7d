import { describe, expect, it, vi } from 'vitest';
import { createRefusals } from '../coordinator/refusals.ts';
import { workNamespace } from '../shared/protocol.ts';
import { handshakeOf, newStranger } from './hostile-client.ts';
import { newInnerCoordinator, noticesIn } from './inner-coordinator.ts';

describe('those who are turned away', () => {
  it('are told of in a few lines, however many they are', async (t) => {
    const { url, log, coordinator } = await newInnerCoordinator(t);
    for (let time = 0; time < 200; time++) {
      const stranger = await newStranger(t, url);
      await stranger.enter(workNamespace, { ...handshakeOf(`old-${time}`), protocol: 0 });
      stranger.wire.socket.destroy();
    }
    coordinator.stop();
    await coordinator.done;
    const messages = noticesIn(log);
    expect(messages.length).toBeLessThan(10);
    expect(messages[0]).toMatch(/^refused "old-0": it speaks another version/);
    expect(messages.at(-1)).toMatch(/^refused \d+ more, the last one "old-199": it speaks/);
    const counts = messages.slice(1).map((message) => Number(/\d+/.exec(message)?.[0]));
    expect(counts.reduce((sum, count) => sum + count)).toBe(199);
  });

  it('are told of at once, then once in a while, each reason for itself', (t) => {
    vi.useFakeTimers();
    t.onTestFinished(() => void vi.useRealTimers());
    const told: string[] = [];
    const refusals = createRefusals((message) => told.push(message), 1000);
    for (const who of ['a', 'b', 'c']) refusals.add(who, 'why');
    refusals.add('d', 'other');
    expect(told.splice(0)).toEqual(['refused "a": why', 'refused "d": other']);
    vi.advanceTimersByTime(1000);
    expect(told.splice(0)).toEqual(['refused 2 more, the last one "c": why']);
    refusals.add('e', 'why');
    refusals.add('f', 'other');
    expect(told.splice(0)).toEqual(['refused "f": other']);
    refusals.close();
    expect(told.splice(0)).toEqual(['refused 1 more, the last one "e": why']);
    refusals.add('g', 'why');
    vi.advanceTimersByTime(10_000);
    expect(told).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('after the end are told that it is over', async (t) => {
    const { url, coordinator } = await newInnerCoordinator(t);
    const strangers = await Promise.all([newStranger(t, url), newStranger(t, url)]);
    coordinator.stop();
    for (const stranger of strangers) {
      stranger.enter(workNamespace, handshakeOf('late')).catch(() => undefined);
      expect(await stranger.told('finished')).toMatchObject({ reason: 'stopped' });
    }
  });
});
