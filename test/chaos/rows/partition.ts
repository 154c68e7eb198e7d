import assert from 'node:assert/strict';
import { setTimeout as passed } from 'node:timers/promises';
import type { Draw } from '../../simulator/draw.ts';
import { longerRun, openLab } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import { type Direction, startProxy, type TcpProxy } from '../proxy.ts';
import type { Row } from '../trial.ts';
import { Witness } from '../witness.ts';

interface Partition {
  readonly kind: 'cut' | 'stalled' | 'halfway';
  readonly directions: readonly Direction[];
  readonly calmMs: number;
  readonly lastsMs: number;
}

const ways: readonly Direction[][] = [['up', 'down'], ['up'], ['down']];
const maxReturnMs = 2000;

export const partition: Row = {
  number: 7,
  title: 'partitions: cut, half-open, in the middle of a message',
  play: async ({ t, draw, tell }) => {
    const partitions = [drawPartition(draw), drawPartition(draw)];
    const lab = await openLab(t, { flags: longerRun, shardMs: 2 });
    const proxy = await startProxy(t, lab.url, draw);
    const witness = new Witness();
    lab.startWorkers('one');
    await lab.allReady();
    lab.hostWorker('apart', witness.watch, proxy.url);
    await witness.nextLease();
    const returns: number[] = [];
    for (const each of partitions) {
      tell(`after ${each.calmMs} ms ${each.kind} ${each.directions} for ${each.lastsMs} ms`);
      await passed(each.calmMs);
      begin(proxy, each);
      await passed(each.lastsMs);
      assert.ok(!lab.isOver, 'the run was over before the partition');
      proxy.heal();
      const healedAt = performance.now();
      const returnMs = (await witness.nextLease()) - healedAt;
      tell(`back after ${Math.round(returnMs)} ms`);
      returns.push(returnMs);
    }
    await assertUnharmed(lab);
    const slowest = Math.max(...returns);
    assert.ok(slowest < maxReturnMs, `back only ${slowest} ms after the partition`);
    return returns;
  },
};

function drawPartition(draw: Draw): Partition {
  return {
    kind: draw.pick(['cut', 'stalled', 'halfway'] as const),
    directions: draw.pick(ways),
    calmMs: draw.integer(0, 500),
    lastsMs: draw.integer(500, 4500),
  };
}

function begin(proxy: TcpProxy, { kind, directions }: Partition): void {
  if (kind === 'cut') proxy.cut();
  else proxy.set({ flow: kind }, directions);
}
