// Payloads in files without a name. Of Linux alone: elsewhere nobody finds the open files of another process.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type FileAddress,
  type FileCalls,
  IncomingFile,
  markBytes,
  OutgoingFile,
} from '../shared/memory-file.ts';
import { temporaryFolder } from './support.ts';

const mark = Uint8Array.from({ length: markBytes }, (_, at) => at + 1);

function newOutgoing({ folder, slots = 2, calls = fs }: Partial<OutgoingOptions> = {}) {
  const folders = [folder ?? temporaryFolder({ onTestFinished })];
  const outgoing = new OutgoingFile({ calls, folders, process: process.pid, slots }, mark);
  onTestFinished(() => outgoing.close());
  return outgoing;
}

interface OutgoingOptions {
  readonly folder: string;
  readonly slots: number;
  readonly calls: FileCalls;
}

function open(address: FileAddress, wanted = mark, calls: FileCalls = fs) {
  const incoming = IncomingFile.open(calls, address, wanted);
  onTestFinished(() => incoming?.close());
  return incoming;
}

function payloadOf(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at * seed + (at >> 8));
}

describe.skipIf(process.platform !== 'linux')('a file in memory', () => {
  it.each([0, 1, 4095, 4096, 4097, 70_001])('gives back %i bytes as they were', (length) => {
    const outgoing = newOutgoing();
    const payload = payloadOf(length);
    const place = outgoing.write(payload);
    const read = new Uint8Array(length);
    expect(open(outgoing.address)!.read(place, read)).toBe(true);
    expect(read).toEqual(payload);
  });

  it('has no name that anybody could find, or would have to take away', () => {
    const folder = temporaryFolder({ onTestFinished });
    newOutgoing({ folder }).write(payloadOf(10));
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it('is read by several, each when it likes', () => {
    const outgoing = newOutgoing();
    const [one, other] = [open(outgoing.address)!, open(outgoing.address)!];
    const first = outgoing.write(payloadOf(5000, 3));
    const second = outgoing.write(payloadOf(5000, 5));
    const read = new Uint8Array(5000);
    for (const [reader, place, seed] of [
      [one, second, 5],
      [other, first, 3],
      [one, first, 3],
      [other, second, 5],
    ] as const) {
      expect(reader.read(place, read)).toBe(true);
      expect(read).toEqual(payloadOf(5000, seed));
    }
  });

  it('outlives its writer for whoever has opened it', () => {
    const folders = [temporaryFolder({ onTestFinished })];
    const outgoing = new OutgoingFile({ calls: fs, folders, process: process.pid, slots: 1 }, mark);
    const place = outgoing.write(payloadOf(100));
    const reader = open(outgoing.address)!;
    outgoing.close();
    const read = new Uint8Array(100);
    expect(reader.read(place, read)).toBe(true);
    expect(read).toEqual(payloadOf(100));
  });

  it.each([1, 2, 4])('holds the latest of %i slots, and says which are written over', (slots) => {
    const outgoing = newOutgoing({ slots });
    const reader = open(outgoing.address)!;
    const places = Array.from({ length: 2 * slots + 1 }, (_, seed) =>
      outgoing.write(payloadOf(5000, seed)),
    );
    const read = new Uint8Array(5000);
    const isThere = places.map((place) => reader.read(place, read));
    expect(isThere).toEqual(places.map((_, at) => at > slots));
    expect(read).toEqual(payloadOf(5000, 2 * slots));
  });

  it('takes the first slot that nobody reads from any more', () => {
    const outgoing = newOutgoing({ slots: 3 });
    const positionAfter = (done: number) => outgoing.write(payloadOf(5000, done), done).position;
    const [first, second] = [positionAfter(0), positionAfter(0)];
    expect(second).toBeGreaterThan(first);
    expect(positionAfter(2)).toBe(first);
    expect(positionAfter(2)).toBe(second);
    expect(positionAfter(3)).toBe(first);
    expect(outgoing.reserve(5000, 5)!.position).toBe(first);
    expect(outgoing.latest).toBe(6);
  });

  it('says that a payload was written over while it was read', () => {
    const outgoing = newOutgoing({ slots: 1 });
    const place = outgoing.write(payloadOf(5000));
    let isBetween = false;
    const reader = open(outgoing.address, mark, {
      ...fs,
      readSync: (file, into, at, bytes, position) => {
        const count = fs.readSync(file, into, at, bytes, position);
        if (position === place.position && !isBetween) {
          isBetween = true;
          outgoing.write(payloadOf(5000, 2));
        }
        return count;
      },
    })!;
    expect(reader.read(place, new Uint8Array(5000))).toBe(false);
    expect(isBetween).toBe(true);
  });

  it('says that a payload is being written over', () => {
    const isThere: boolean[] = [];
    let look = (_position: number): void => undefined;
    const outgoing = newOutgoing({
      slots: 1,
      calls: {
        ...fs,
        writeSync: (file, from, at, bytes, position) => {
          const count = fs.writeSync(file, from, at, bytes, position);
          look(position);
          return count;
        },
      },
    });
    const place = outgoing.write(payloadOf(5000));
    const reader = open(outgoing.address)!;
    look = (position) => {
      if (position === place.position) isThere.push(reader.read(place, new Uint8Array(5000)));
    };
    outgoing.write(payloadOf(5000, 2));
    expect(isThere).toEqual([false]);
  });

  it('is awaited where it will be, until it is there', () => {
    const outgoing = newOutgoing({ slots: 1 });
    outgoing.write(payloadOf(5000));
    const reader = open(outgoing.address)!;
    const place = outgoing.reserve(5000)!;
    const read = new Uint8Array(5000);
    expect([reader.isAwaited(place), reader.read(place, read)]).toEqual([true, false]);
    outgoing.fill(place, payloadOf(5000, 2));
    expect([reader.isAwaited(place), reader.read(place, read)]).toEqual([false, true]);
    expect(read).toEqual(payloadOf(5000, 2));
  });

  it('is not awaited where a later one is, nor where nothing ever was', () => {
    const outgoing = newOutgoing({ slots: 1 });
    const place = outgoing.write(payloadOf(5000));
    outgoing.write(payloadOf(5000));
    const reader = open(outgoing.address)!;
    expect(reader.isAwaited(place)).toBe(false);
    expect(reader.isAwaited({ ...place, position: 2 ** 40, stamp: 9 })).toBe(false);
  });

  it('is promised a place where one of its length was, because there may be no room elsewhere', () => {
    const outgoing = newOutgoing({ slots: 2 });
    const promised = [5000, 5000, 5000, 4000].map((length) => {
      const place = outgoing.reserve(length);
      if (place === undefined) outgoing.write(payloadOf(length));
      return place?.stamp;
    });
    expect(promised).toEqual([undefined, undefined, 3, undefined]);
  });

  it('is promised no place where the one before it could not be brought', () => {
    let isFull = false;
    const writeSync: FileCalls['writeSync'] = (file, from, at, bytes, position) => {
      if (isFull && bytes > 8) throw new Error('ENOSPC');
      return fs.writeSync(file, from, at, bytes, position);
    };
    const outgoing = newOutgoing({ slots: 1, calls: { ...fs, writeSync } });
    outgoing.write(payloadOf(5000));
    const place = outgoing.reserve(5000)!;
    isFull = true;
    expect(() => outgoing.fill(place, payloadOf(5000))).toThrow('ENOSPC');
    expect(outgoing.reserve(5000)).toBeUndefined();
    expect(() => outgoing.write(payloadOf(5000))).toThrow('ENOSPC');
  });

  it('is whole where the system takes and gives a little at a time', () => {
    const little: FileCalls = {
      ...fs,
      readSync: (file, into, at, bytes, position) =>
        fs.readSync(file, into, at, Math.min(bytes, 999), position),
      writeSync: (file, from, at, bytes, position) =>
        fs.writeSync(file, from, at, Math.min(bytes, 777), position),
    };
    const outgoing = newOutgoing({ calls: little });
    const place = outgoing.write(payloadOf(10_001));
    const read = new Uint8Array(10_001);
    expect(open(outgoing.address, mark, little)!.read(place, read)).toBe(true);
    expect(read).toEqual(payloadOf(10_001));
  });

  it.each([
    ['before the first', { position: 1 }],
    ['at the mark', { position: 4096 }],
    ['beyond the end', { position: 1 << 30 }],
    ['beyond all files', { position: Number.MAX_SAFE_INTEGER }],
    ['with another stamp', { stamp: 2 }],
    ['longer than it is', { bytes: 1 << 20 }],
  ])('has nothing at a place %s', (_, change) => {
    const outgoing = newOutgoing();
    const place = { ...outgoing.write(payloadOf(100)), ...change };
    expect(open(outgoing.address)!.read(place, new Uint8Array(place.bytes))).toBe(false);
  });

  it('has nothing any more when its writer made it shorter', () => {
    const outgoing = newOutgoing();
    const place = outgoing.write(payloadOf(5000));
    const reader = open(outgoing.address)!;
    fs.ftruncateSync(outgoing.address.file, place.position + 4999);
    expect(reader.read(place, new Uint8Array(5000))).toBe(false);
  });

  it('is made in the first folder that lets us', () => {
    const folder = temporaryFolder({ onTestFinished });
    const folders = [join(folder, 'missing'), folder];
    const outgoing = new OutgoingFile({ calls: fs, folders, process: process.pid, slots: 1 }, mark);
    onTestFinished(() => outgoing.close());
    expect(fs.readlinkSync(`/proc/self/fd/${outgoing.address.file}`)).toContain(folder);
  });

  it('cannot be made where no folder lets us', () => {
    const missing = join(temporaryFolder({ onTestFinished }), 'missing');
    expect(() => newOutgoing({ folder: missing })).toThrow('ENOENT');
  });
});

describe.skipIf(process.platform !== 'linux')('an address is that of no such file', () => {
  const here = (file: number) => ({ process: process.pid, file });
  const opened = (path: string, flags: number) => {
    const file = fs.openSync(path, flags);
    onTestFinished(() => fs.closeSync(file));
    return here(file);
  };
  const { O_RDONLY, O_NONBLOCK } = fs.constants;

  it('when its mark is another', () => {
    const { address } = newOutgoing();
    expect(open(address, mark.with(31, 0))).toBeUndefined();
    expect(open(address, mark.subarray(0, 31))).toBeUndefined();
    expect(open(address, new Uint8Array(0))).toBeUndefined();
  });

  it('when it was closed', () => {
    const folders = [temporaryFolder({ onTestFinished })];
    const outgoing = new OutgoingFile({ calls: fs, folders, process: process.pid, slots: 1 }, mark);
    outgoing.close();
    expect(open(outgoing.address)).toBeUndefined();
  });

  it('when its process is gone', async () => {
    const child = spawn(process.execPath, ['--version']);
    await once(child, 'exit');
    expect(open({ process: child.pid!, file: 0 })).toBeUndefined();
  });

  it('when it is a file that is shorter than a mark', () => {
    const path = join(temporaryFolder({ onTestFinished }), 'short');
    fs.writeFileSync(path, mark.subarray(0, 31));
    expect(open(opened(path, O_RDONLY))).toBeUndefined();
  });

  it('when it is a directory', () => {
    expect(open(opened(temporaryFolder({ onTestFinished }), O_RDONLY))).toBeUndefined();
  });

  it('when it is a pipe, for which it does not wait', () => {
    const path = join(temporaryFolder({ onTestFinished }), 'pipe');
    execFileSync('mkfifo', [path]);
    // Nobody writes into it: whoever opened it as usual would wait for that.
    expect(open(opened(path, O_RDONLY | O_NONBLOCK))).toBeUndefined();
  });

  it('and nothing of it stays open', () => {
    const openFiles = () => fs.readdirSync('/proc/self/fd').length;
    const { address } = newOutgoing();
    const before = openFiles();
    open(address, mark.with(0, 0));
    expect(openFiles()).toBe(before);
  });
});
