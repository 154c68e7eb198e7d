import { hash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createDataBlocks, type DataBlocks } from '../coordinator/data-blocks.ts';
import type { Slice } from '../shared/contracts.ts';
import { samplesPerBlock } from '../shared/data-blocks.ts';
import { createRandom } from '../shared/random.ts';
import { createBlockCache } from '../worker/block-cache.ts';
import {
  type BlockCache,
  noCache,
  openTrainingData,
  type TrainingDataRequest,
} from '../worker/data-store.ts';

const imageBytes = 3;
/** Six blocks of images, the last one short, and one of labels. */
const slice = randomSlice(1325);
const blocks = createDataBlocks(slice, imageBytes);
const all = [...blocks.manifest.images, ...blocks.manifest.labels];

describe('data blocks', () => {
  it('hold 250 images or 60,000 labels each', () => {
    const large = createDataBlocks(randomSlice(60_001), imageBytes).manifest;
    expect(large.images.map(({ bytes }) => bytes)).toEqual([...Array(240).fill(750), 3]);
    expect(large.labels.map(({ bytes }) => bytes)).toEqual([60_000, 1]);
  });

  it('are at most a thousand, whose names fit into a message', () => {
    expect([1, 250_000, 250_001, 10_000_000].map(samplesPerBlock)).toEqual([250, 250, 251, 10_000]);
  });

  it('are views of the slice, found by their SHA-256', () => {
    const [, second] = blocks.manifest.images;
    const block = blocks.get(second.sha256)?.bytes;
    expect(block).toEqual(slice.images.subarray(750, 1500));
    expect(block?.buffer).toBe(slice.images.buffer);
    expect(hash('sha256', block!)).toBe(second.sha256);
    expect(blocks.get('0'.repeat(64))).toBeUndefined();
  });
});

describe('fetching the training data', () => {
  it('gives the coordinator’s slice and says how far it is', async () => {
    const server = await serve(blocks);
    const loadedBytes: number[] = [];
    const fetched = await fetchFrom(server.url, {
      onProgress: (progress) => {
        expect(progress.totalBytes).toBe(1325 * 4);
        loadedBytes.push(progress.loadedBytes);
      },
    });
    expect(fetched).toEqual(slice);
    expect(loadedBytes.length).toBe(7);
    expect(loadedBytes.at(-1)).toBe(1325 * 4);
    expect([...server.requests].sort()).toEqual(all.map(({ sha256 }) => sha256).sort());
  });

  it('has four requests open at a time', async () => {
    let open = 0;
    const counts: number[] = [];
    const answer = async (url: string | URL | Request) => {
      counts.push(++open);
      await Promise.resolve();
      open--;
      return new Response(blocks.get(String(url).slice(-64))?.bytes as Uint8Array<ArrayBuffer>);
    };
    await fetchFrom('http://fake', { fetch: answer });
    expect(Math.max(...counts)).toBe(4);
  });

  it.each(Object.entries(faults))('recovers when a block is %s at first', async (_, fault) => {
    const [, victim] = all;
    const server = await serve(blocks, (sha256, attempt) =>
      sha256 === victim.sha256 && attempt <= 3 ? fault : undefined,
    );
    const wait = vi.fn(async () => {});
    expect(await fetchFrom(server.url, { wait })).toEqual(slice);
    expect(wait.mock.calls.map(([ms]: unknown[]) => ms)).toEqual([500, 1000, 2000]);
    expect(server.requests.filter((sha256) => sha256 === victim.sha256).length).toBe(4);
  });

  it.each([
    ['changed', /: its bytes are wrong: their SHA-256 is [0-9a-f]{64}\. Check that/],
    ['cut short', /: expected 750 bytes, found 749\. Check that/],
    ['refused', /: the answer was 404 Not Found\. Check that/],
    ['broken off', /: .*\((UND_ERR_SOCKET|ECONNRESET)\)\. Check that/],
  ] as const)('names the block that is always %s', async (fault, reason) => {
    const [, victim] = all;
    const server = await serve(blocks, (sha256) =>
      sha256 === victim.sha256 ? faults[fault] : undefined,
    );
    const failure = fetchFrom(server.url);
    await expect(failure).rejects.toThrow(
      `Block 2 of 7 of the training data did not come from ${server.url}/api/v1/data/` +
        `${victim.sha256} in 4 attempts: `,
    );
    await expect(failure).rejects.toThrow(reason);
  });

  it('ends when it is aborted, also between two attempts', async () => {
    const server = await serve(blocks, () => faults.refused);
    const abort = new AbortController();
    const reason = new Error('the user left');
    const wait = async () => abort.abort(reason);
    await expect(fetchFrom(server.url, { wait, signal: abort.signal })).rejects.toBe(reason);
    await expect(fetchFrom(server.url, { signal: abort.signal })).rejects.toBe(reason);
    expect(server.requests.length).toBeLessThanOrEqual(4);
  });

  it('waits before it tries again, unless it is aborted meanwhile', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const abort = new AbortController();
    const fetch = vi.fn(() => Promise.reject(new Error('no route')));
    const failure = fetchFrom('http://fake', { fetch, wait: undefined, signal: abort.signal });
    failure.catch(() => {});
    await vi.advanceTimersByTimeAsync(499);
    expect(fetch).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(fetch).toHaveBeenCalledTimes(2);
    abort.abort(new Error('the user left'));
    await expect(failure).rejects.toThrow('the user left');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives up what is on its way when it is closed', async () => {
    let abandoned = 0;
    const answer = async (url: string | URL | Request, init?: RequestInit) => {
      const sha256 = String(url).slice(-64);
      const isLabels = sha256 === blocks.manifest.labels[0].sha256;
      if (isLabels) return new Response(blocks.get(sha256)?.bytes as Uint8Array<ArrayBuffer>);
      return new Promise<Response>((_, reject) => {
        init?.signal?.addEventListener('abort', () => reject(new Error(`${++abandoned}`)));
      });
    };
    const data = await openFrom('http://fake', { fetch: answer });
    const arrival = data.load([Uint32Array.of(0, 300, 600)]);
    await Promise.resolve();
    data.close();
    await expect(arrival).rejects.toThrow('the training data is not needed any more');
    expect(abandoned).toBe(3);
  });

  it('takes the labels alone before it is asked for images, and then the blocks of those', async () => {
    const server = await serve(blocks);
    const data = await openFrom(server.url);
    expect(server.requests).toEqual([blocks.manifest.labels[0].sha256]);
    const samples = Uint32Array.of(1300, 3, 251, 2);
    await data.load([samples]);
    const [first, second] = blocks.manifest.images;
    const last = blocks.manifest.images[5];
    expect(server.requests.slice(1).sort()).toEqual(
      [first, second, last].map(({ sha256 }) => sha256).sort(),
    );
    const found = data.slice(samples);
    expect([...found.labels]).toEqual([...samples].map((index) => slice.labels[index]));
    expect([...found.images]).toEqual(
      [...samples].flatMap((index) => [...slice.images.subarray(index * 3, index * 3 + 3)]),
    );
  });

  it('refuses blocks of images that are not equally large', async () => {
    const [first, second, ...others] = blocks.manifest.images;
    const images = [
      { ...first, bytes: first.bytes + imageBytes },
      { ...second, bytes: second.bytes - imageBytes },
      ...others,
    ];
    const manifest = { ...blocks.manifest, images };
    await expect(fetchFrom('http://fake', { manifest })).rejects.toThrow(
      'The coordinator offers blocks of training data that do not hold equally many images.',
    );
  });

  it('refuses a manifest whose images and labels do not match', async () => {
    await expect(fetchFrom('http://fake', { imageBytes: 4 })).rejects.toThrow(
      'The coordinator offers 1325 labels with 3975 bytes of images, which is not 4 an image.',
    );
  });
});

describe('the block cache', () => {
  it('spares every request of the next run', async () => {
    const server = await serve(blocks);
    const { cache, isWritten } = watchedCache(await newFolder());
    await fetchFrom(server.url, { cache });
    await isWritten();
    expect(await fetchFrom(server.url, { cache })).toEqual(slice);
    expect(server.requests.length).toBe(7);
  });

  it.each([
    ['changed', (bytes: Uint8Array) => bytes.with(0, bytes[0] ^ 1)],
    ['cut short', (bytes: Uint8Array) => bytes.subarray(1)],
  ])('replaces a block that was %s on the disk', async (_, corrupt) => {
    const server = await serve(blocks);
    const folder = await newFolder();
    const { cache, isWritten } = watchedCache(folder);
    await fetchFrom(server.url, { cache });
    await isWritten();
    const { sha256 } = all[3];
    const path = join(folder, sha256);
    await writeFile(path, corrupt(await readFile(path)));
    expect(await fetchFrom(server.url, { cache })).toEqual(slice);
    expect(server.requests.slice(7)).toEqual([sha256]);
    await isWritten();
    expect(hash('sha256', await readFile(path))).toBe(sha256);
  });

  it('holds whole blocks only, when several workers write at once', async () => {
    const folder = await newFolder();
    const { sha256 } = all[0];
    const writes = Array.from({ length: 8 }, () =>
      createBlockCache(folder).put(sha256, blocks.get(sha256)!.bytes),
    );
    await Promise.all(writes);
    expect(await readdir(folder)).toEqual([sha256]);
    expect(await readFile(join(folder, sha256))).toEqual(Buffer.from(blocks.get(sha256)!.bytes));
  });

  it('is done without where its directory cannot be written', async () => {
    const file = join(await newFolder(), 'file');
    await writeFile(file, '');
    const server = await serve(blocks);
    const cache = createBlockCache(join(file, 'blocks'));
    expect(await fetchFrom(server.url, { cache })).toEqual(slice);
    expect(await cache.get(all[0].sha256)).toBeUndefined();
  });

  it('leaves nothing half written behind when it cannot finish', async () => {
    const folder = await newFolder();
    const { sha256 } = all[0];
    await createBlockCache(join(folder, sha256)).put('inner', Uint8Array.of(1));
    await createBlockCache(folder).put(sha256, blocks.get(sha256)!.bytes);
    expect(await readdir(folder)).toEqual([sha256]);
  });

  it('is in the user’s cache folder by default', async () => {
    const folder = await newFolder();
    vi.stubEnv('XDG_CACHE_HOME', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    await createBlockCache().put('name', Uint8Array.of(1, 2));
    expect([...(await readFile(join(folder, 'tutti/blocks/name')))]).toEqual([1, 2]);
    expect([...((await createBlockCache().get('name')) ?? [])]).toEqual([1, 2]);
  });
});

type Fault = (response: ServerResponse, block: Uint8Array) => void;

const faults = {
  changed: (response, block) => response.end(block.with(100, block[100] ^ 1)),
  'cut short': (response, block) => response.end(block.subarray(1)),
  refused: (response) => response.writeHead(404).end(),
  'broken off': (response, block) => {
    response.writeHead(200, { 'content-length': block.length });
    response.write(block.subarray(1), () => response.destroy());
  },
} satisfies Record<string, Fault>;

async function serve(
  { get }: DataBlocks,
  faultOf: (sha256: string, attempt: number) => Fault | undefined = () => undefined,
) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const sha256 = request.url?.replace('/api/v1/data/', '') ?? '';
    requests.push(sha256);
    const attempt = requests.filter((earlier) => earlier === sha256).length;
    const send: Fault = faultOf(sha256, attempt) ?? ((_, block) => response.end(block));
    send(response, get(sha256)?.bytes ?? new Uint8Array());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests };
}

/** All of it. */
async function fetchFrom(
  baseUrl: string,
  options: Partial<TrainingDataRequest> = {},
): Promise<Slice> {
  const data = await openFrom(baseUrl, options);
  const indices = Uint32Array.from(slice.labels, (_, index) => index);
  await data.load([indices]);
  return data.slice(indices);
}

function openFrom(baseUrl: string, options: Partial<TrainingDataRequest> = {}) {
  return openTrainingData({
    baseUrl,
    manifest: blocks.manifest,
    imageBytes,
    cache: noCache,
    sha256: (bytes) => hash('sha256', bytes),
    wait: async () => {},
    ...options,
  });
}

/** Blocks are of use before they are kept: a test that looks for them waits for that. */
function watchedCache(folder: string) {
  const { get, put } = createBlockCache(folder);
  const writes: Promise<void>[] = [];
  const cache: BlockCache = {
    get,
    put: async (sha256, bytes) => {
      writes.push(put(sha256, bytes));
      await writes.at(-1);
    },
  };
  return { cache, isWritten: () => Promise.all(writes) };
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tutti-cache-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

function randomSlice(count: number): Slice {
  const random = createRandom('slice', count);
  const bytes = (length: number) => Uint8Array.from({ length }, () => random.below(256));
  return { images: bytes(count * imageBytes), labels: bytes(count) };
}
