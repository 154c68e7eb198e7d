import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTensorboardFile } from '../coordinator/tensorboard-file.ts';
import { crc32c } from '../shared/crc32c.ts';
import type { RunEvent } from '../shared/events.ts';
import { fileVersion, restart, scalars } from '../shared/tensorboard.ts';
import { temporaryFolder } from './support.ts';
import { end, epoch, step, workers } from './terminal-events.ts';

const ascii = (text: string) => new TextEncoder().encode(text);

describe('crc32c', () => {
  it.each([
    ['', 0],
    ['123456789', 0xe3069283],
    // RFC 3720, B.4.
    ['\0'.repeat(32), 0x8a9136aa],
  ])('of %j is as published', (text, expected) => {
    expect(crc32c(ascii(text))).toBe(expected);
  });
});

/*
 * Written by TensorBoard itself (2.21):
 *
 *   from tensorboard.compat.proto.event_pb2 import Event, SessionLog
 *   from tensorboard.compat.proto.summary_pb2 import Summary
 *   from tensorboard.summary.writer.record_writer import RecordWriter
 *   writer, value = RecordWriter(open('golden', 'wb')), Summary.Value
 *   for event in [
 *       Event(wall_time=1732459000.25, file_version='brain.Event:2'),
 *       Event(wall_time=1732459000.25, step=939, session_log=SessionLog(status=SessionLog.START)),
 *       Event(wall_time=1732459001.5, step=2288, summary=Summary(value=[
 *           value(tag='loss/train', simple_value=0.31234),
 *           value(tag='accuracy/train', simple_value=0.9125)]))]:
 *     writer.write(event.SerializeToString())
 */
const golden = {
  version: '1800000000000000a37f4b22090000107eced0d9411a0d627261696e2e4576656e743a3249b89cd9',
  restart: '100000000000000095fbfe18090000107eced0d94110ab073a02080121acfbbd',
  scalars:
    '3800000000000000a3797d57090000607eced0d94110f0112a2a0a110a0a6c6f73732f747261696e1507eb9f3e' +
    '0a150a0e61636375726163792f747261696e159a99693f3fd27efc',
};
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('an event file of TensorBoard', () => {
  it('has the very bytes that TensorBoard writes', () => {
    expect(hex(fileVersion(1_732_459_000.25))).toBe(golden.version);
    expect(hex(restart({ wallTime: 1_732_459_000.25, step: 939 }))).toBe(golden.restart);
    const values = { 'loss/train': 0.31234, 'accuracy/train': 0.9125 };
    expect(hex(scalars({ wallTime: 1_732_459_001.5, step: 2288 }, values))).toBe(golden.scalars);
  });

  it('holds the curves of the run at their steps, and nothing of other events', async (t) => {
    const { records } = await write(t, 0, [workers, step, epoch, end]);
    const wallTime = Date.parse(step.time) / 1000;
    expect(records).toHaveLength(3);
    expect(records[1]).toEqual(
      scalars(
        { wallTime, step: 2288 },
        {
          'loss/train': 0.31234,
          'accuracy/train': 0.9125,
          'speed/samples_per_second': 41_234,
          'speed/workers': 2,
          'optimizer/learning_rate': 0.01,
        },
      ),
    );
    expect(records[2]).toEqual(
      scalars(
        { wallTime, step: 938 },
        {
          'loss/train_epoch': 0.52551,
          'accuracy/train_epoch': 0.83123,
          'loss/test': 0.21008,
          'accuracy/test': 0.9355,
        },
      ),
    );
  });

  it('of a resumed run says from which step on the files before it do not count', async (t) => {
    const { records } = await write(t, 938, []);
    const { wallTime } = wallTimeOf(records[0]);
    expect(records.slice(1)).toEqual([restart({ wallTime, step: 939 })]);
  });
});

/** Writes a file and cuts it into its records. */
async function write(
  t: Parameters<typeof temporaryFolder>[0],
  fromVersion: number,
  events: readonly RunEvent[],
) {
  const directory = temporaryFolder(t);
  const onError = (error: Error): never => {
    throw error;
  };
  const file = await openTensorboardFile({ directory, fromVersion, onError });
  for (const event of events) file.event(event);
  await file.close();
  const [name] = await readdir(directory);
  expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\..+\.\d+$/);
  let rest = new Uint8Array(await readFile(join(directory, name)));
  const records: Uint8Array[] = [];
  while (rest.length > 0) {
    const size = new DataView(rest.buffer, rest.byteOffset).getUint32(0, true) + 16;
    records.push(rest.slice(0, size));
    rest = rest.subarray(size);
  }
  return { records };
}

/** Field 1 of the first record, a double. */
function wallTimeOf(record: Uint8Array) {
  return { wallTime: new DataView(record.buffer).getFloat64(13, true) };
}
