// Fetches blocks of the training set from the coordinator and keeps only those that are intact.
// Runs in Node and in a browser: what differs between them is passed in.
import type { DataManifest } from '../shared/protocol.ts';
import { TrainingData } from './training-data.ts';

/** Blocks of earlier runs, by content. Never rejects: what it cannot give is fetched. */
export interface BlockCache {
  /** May answer with bytes that are not those of `sha256`: the caller checks. */
  get(sha256: string): Promise<Uint8Array | undefined>;
  put(sha256: string, bytes: Uint8Array): Promise<void>;
}

export const noCache: BlockCache = {
  get: async () => undefined,
  put: async () => {},
};

export interface DataProgress {
  /** Labels and images; not all are needed in every run. */
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

/** Where blocks come from. */
export interface BlockRequest {
  readonly baseUrl: string;
  readonly cache: BlockCache;
  /** In hex. Passed in, because browsers offer none on a page that came over plain HTTP. */
  readonly sha256: (bytes: Uint8Array) => string | Promise<string>;
  readonly fetch?: typeof fetch;
  /** Resolves after `ms`, or earlier when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface TrainingDataRequest extends BlockRequest {
  readonly manifest: DataManifest;
  /** Bytes of one image. */
  readonly imageBytes: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DataProgress) => void;
}

const retryDelaysMs = [500, 1000, 2000];
/** A browser would answer a second request from its own cache, with the same corrupt bytes. */
const pastCaches = { cache: 'reload' } as const;

/** Fetches the labels; images come when they are asked for. Rejects with the block that did not come. */
export async function openTrainingData(request: TrainingDataRequest): Promise<TrainingData> {
  const { manifest, imageBytes, onProgress } = request;
  const imagesPerBlock = checkLayout(manifest, imageBytes);
  const blocks = [...manifest.images, ...manifest.labels];
  const totalBytes = byteLength(blocks);
  let loadedBytes = 0;

  const stop = new AbortController();
  const signal = AbortSignal.any(request.signal ? [request.signal, stop.signal] : [stop.signal]);
  const bring = async (at: number, deliver: (bytes: Uint8Array) => void): Promise<void> => {
    signal.throwIfAborted();
    const who = `Block ${at + 1} of ${blocks.length} of the training data`;
    await bringBlock(who, blocks[at], request, signal, (bytes) => {
      loadedBytes += bytes.length;
      deliver(bytes);
      onProgress?.({ loadedBytes, totalBytes });
    });
  };

  const labels = new Uint8Array(byteLength(manifest.labels));
  let end = 0;
  for (const [at, { bytes }] of manifest.labels.entries()) {
    const start = end;
    end += bytes;
    await bring(manifest.images.length + at, (block) => labels.set(block, start));
  }
  return new TrainingData({
    labels,
    imageBytes,
    imagesPerBlock,
    bring,
    onClose: () => stop.abort(),
  });
}

export type Block = DataManifest['images'][number];

/**
 * Delivers its bytes, which are right, and then keeps them, which `deliver` need not wait for. Rejects with `who` and the
 * reason when they do not come.
 */
export async function bringBlock(
  who: string,
  block: Block,
  request: BlockRequest,
  signal: AbortSignal,
  deliver: (bytes: Uint8Array) => void,
): Promise<void> {
  const { cache, sha256 } = request;
  const cached = await cache.get(block.sha256);
  const isIntact = cached !== undefined && (await faultOf(cached, block, sha256)) === undefined;
  const bytes = isIntact ? cached : await download(who, block, request, signal);
  deliver(bytes);
  if (!isIntact) await cache.put(block.sha256, bytes);
}

/** How many images a block has. */
function checkLayout({ images, labels }: DataManifest, imageBytes: number): number {
  const [imagesLength, labelsLength] = [byteLength(images), byteLength(labels)];
  const imagesPerBlock = (images[0]?.bytes ?? imageBytes) / imageBytes;
  const areEqual = images.slice(0, -1).every(({ bytes }) => bytes === images[0].bytes);
  const isLastLarger = images.length > 0 && images[images.length - 1].bytes > images[0].bytes;
  if (imagesLength !== labelsLength * imageBytes) {
    throw new Error(
      `The coordinator offers ${labelsLength} labels with ${imagesLength} bytes of images, ` +
        `which is not ${imageBytes} an image. Run the same version of tutti on both machines.`,
    );
  }
  if (!Number.isInteger(imagesPerBlock) || imagesPerBlock < 1 || !areEqual || isLastLarger) {
    throw new Error(
      'The coordinator offers blocks of training data that do not hold equally many images. ' +
        'Run the same version of tutti on both machines.',
    );
  }
  return imagesPerBlock;
}

async function download(
  who: string,
  block: Block,
  request: BlockRequest,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { baseUrl, sha256, fetch = globalThis.fetch, wait = waitUnlessAborted } = request;
  const url = `${baseUrl}/api/v1/data/${block.sha256}`;
  let failure: unknown;
  for (const delayMs of [0, ...retryDelaysMs]) {
    if (delayMs > 0) await wait(delayMs, signal);
    signal.throwIfAborted();
    try {
      const response = await fetch(url, delayMs > 0 ? { signal, ...pastCaches } : { signal });
      if (!response.ok) throw new Error(`the answer was ${response.status} ${response.statusText}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const fault = await faultOf(bytes, block, sha256);
      if (fault !== undefined) throw new Error(fault);
      return bytes;
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw new Error(
    `${who} did not come from ${url} in ${1 + retryDelaysMs.length} attempts: ` +
      `${reasonOf(failure)}. Check that the coordinator runs and that nothing between it and ` +
      'this machine (a proxy, a filter) changes or blocks its answers; then join again.',
    { cause: failure },
  );
}

async function faultOf(
  bytes: Uint8Array,
  expected: Block,
  sha256: BlockRequest['sha256'],
): Promise<string | undefined> {
  if (bytes.length !== expected.bytes) {
    return `expected ${expected.bytes} bytes, found ${bytes.length}`;
  }
  const found = await sha256(bytes);
  return found === expected.sha256 ? undefined : `its bytes are wrong: their SHA-256 is ${found}`;
}

function byteLength(blocks: readonly Block[]): number {
  return blocks.reduce((total, { bytes }) => total + bytes, 0);
}

/** `fetch failed` alone helps nobody: the code of its cause says refused or not found. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? ` (${cause.code})` : '';
  return `${error.message}${code}`;
}

function waitUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish);
  });
}
