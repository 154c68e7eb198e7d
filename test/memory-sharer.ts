// Those who say that they share memory with their coordinator, and which files lie open for it.
import fs from 'node:fs';
import * as v from 'valibot';
import { markBytes, OutgoingFile } from '../shared/memory-file.ts';
import {
  type MemoryOffer,
  memoryOfferSchema,
  type PlacedMessage,
  placedSchema,
} from '../shared/memory-messages.ts';
import { type Impostor, newImpostor } from './hostile-client.ts';
import { type TestScope, temporaryFolder } from './support.ts';

export interface Sharer extends Impostor {
  readonly offer: MemoryOffer;
  /** The next placed message. */
  placed(): Promise<PlacedMessage>;
}

/** An impostor that has been offered the coordinator's file, and has not answered. */
export async function newSharer(t: TestScope, url: string, name: string): Promise<Sharer> {
  const impostor = await newImpostor(t, url, name, { sharesMemory: true });
  const next = async (type: string): Promise<unknown> =>
    (await impostor.stranger.next(({ data }) => data?.[1]?.type === type)).data[1];
  return {
    ...impostor,
    offer: v.parse(memoryOfferSchema, await next('memory')),
    placed: async () => v.parse(placedSchema, await next('placed')),
  };
}

/** A file as a worker would make it for this offer. */
export function newFileFor(t: TestScope, { mark }: Pick<MemoryOffer, 'mark'>): OutgoingFile {
  const folders = [temporaryFolder(t)];
  const options = { calls: fs, folders, process: process.pid, slots: 1 };
  const file = new OutgoingFile(options, Buffer.from(mark, 'hex'));
  t.onTestFinished(async () => file.close());
  return file;
}

/** What begins no file. */
export const otherMark = 'f0'.repeat(markBytes);

/** Numbers of this process's open files for payloads, its own and those of others. */
export function openMemoryFiles(): number[] {
  return fs
    .readdirSync('/proc/self/fd')
    .map(Number)
    .filter((file) => /[/:]tutti-\d+-[0-9a-f]+ \(deleted\)$/.test(linkOf(file)));
}

function linkOf(file: number): string {
  try {
    return fs.readlinkSync(`/proc/self/fd/${file}`);
  } catch {
    // The one that the folder itself was read with.
    return '';
  }
}
