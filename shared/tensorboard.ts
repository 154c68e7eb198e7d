// Event files of TensorBoard: TFRecords, each an Event of tensorflow/core/util/event.proto.
import { crc32c } from './crc32c.ts';
import type { RunEvent } from './events.ts';
import { type Bytes, concat, double, float, integer, message, text } from './protobuf.ts';

// Field numbers of event.proto and summary.proto, a constant for each message.
const eventProto = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 };
const sessionLogProto = { status: 1 };
const sessionStart = 1;
const summaryProto = { value: 1 };
const valueProto = { tag: 1, simpleValue: 2 };

/** When and at which step, for every event. `wallTime` in seconds since 1970. */
export interface EventPlace {
  readonly wallTime: number;
  readonly step: number;
}

/** The first record of every file. */
export function fileVersion(wallTime: number): Uint8Array {
  return record([
    double(eventProto.wallTime, wallTime),
    text(eventProto.fileVersion, 'brain.Event:2'),
  ]);
}

/** Training goes on with `step`: readers drop that step and later ones from the files before this one. */
export function restart({ wallTime, step }: EventPlace): Uint8Array {
  return record([
    double(eventProto.wallTime, wallTime),
    integer(eventProto.step, step),
    message(eventProto.sessionLog, integer(sessionLogProto.status, sessionStart)),
  ]);
}

/** Values by their tags, such as `loss/train`: the part before the slash groups the charts. */
export function scalars(
  { wallTime, step }: EventPlace,
  values: Readonly<Record<string, number>>,
): Uint8Array {
  const parts = Object.entries(values).map(([tag, value]) =>
    message(summaryProto.value, text(valueProto.tag, tag), float(valueProto.simpleValue, value)),
  );
  return record([
    double(eventProto.wallTime, wallTime),
    integer(eventProto.step, step),
    message(eventProto.summary, ...parts),
  ]);
}

/** What is drawn of an event, at its `version`: epochs stand at their last step. Undefined where that is nothing. */
export function scalarsOf(event: RunEvent): Readonly<Record<string, number>> | undefined {
  switch (event.type) {
    case 'step':
      return {
        'loss/train': event.loss,
        'accuracy/train': event.accuracy,
        'speed/samples_per_second': event.samplesPerSecond,
        'speed/workers': event.workers,
        'optimizer/learning_rate': event.learningRate,
      };
    case 'epoch':
      return {
        'loss/train_epoch': event.trainLoss,
        'accuracy/train_epoch': event.trainAccuracy,
        'loss/test': event.testLoss,
        'accuracy/test': event.testAccuracy,
      };
    default:
      return undefined;
  }
}

/** Length, its checksum, the data, its checksum: https://www.tensorflow.org/tutorials/load_data/tfrecord */
function record(fields: readonly Bytes[]): Uint8Array {
  const data = concat(fields);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(data.length), true);
  return concat([length, maskedChecksum(length), data, maskedChecksum(data)]);
}

/** Rotated and shifted, so that the checksum of data that holds checksums is none of them. */
function maskedChecksum(bytes: Uint8Array): Bytes {
  const checksum = crc32c(bytes);
  const masked = ((checksum >>> 15) | (checksum << 17)) + 0xa282ead8;
  return new Uint8Array(Uint32Array.of(masked).buffer);
}
