// Fetches the training set from the coordinator in blocks and keeps only those that are intact.
// Runs in Node and in a browser: what differs between them is passed in.
import type { Slice } from '../shared/contracts.ts';
import type { DataManifest } from '../shared/protocol.ts';

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
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

export interface TrainingDataRequest {
  readonly baseUrl: string;
  readonly manifest: DataManifest;
  /** Bytes of one image. */
  readonly imageBytes: number;
  readonly cache: BlockCache;
  /** In hex. Passed in, because browsers offer none on a page that came over plain HTTP. */
  readonly sha256: (bytes: Uint8Array) => string | Promise<string>;
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DataProgress) => void;
  /** Resolves after `ms`, or earlier when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const concurrentRequests = 4;
const retryDelaysMs = [500, 1000, 2000];
/** A browser would answer a second request from its own cache, with the same corrupt bytes. */
const pastCaches = { cache: 'reload' } as const;

/** Rejects with the block that did not come, or with the signal's reason. */
export async function fetchTrainingData(request: TrainingDataRequest): Promise<Slice> {
  const { manifest, imageBytes, cache, sha256, onProgress } = request;
  const images = new Uint8Array(byteLength(manifest.images));
  const labels = new Uint8Array(byteLength(manifest.labels));
  if (images.length !== labels.length * imageBytes) {
    throw new Error(
      `The coordinator offers ${labels.length} labels with ${images.length} bytes of images, ` +
        `which is not ${imageBytes} an image. Run the same version of tutti on both machines.`,
    );
  }
  const blocks = [...layOut(manifest.images, images), ...layOut(manifest.labels, labels)];
  const totalBytes = images.length + labels.length;
  let loadedBytes = 0;

  const stop = new AbortController();
  const signal = AbortSignal.any(request.signal ? [request.signal, stop.signal] : [stop.signal]);
  // All loaders draw from this one iterator.
  const queue = blocks.entries();
  const loader = async (): Promise<void> => {
    for (const [index, block] of queue) {
      signal.throwIfAborted();
      const cached = await cache.get(block.sha256);
      if (cached && (await faultOf(cached, block, sha256)) === undefined) {
        block.target.set(cached);
      } else {
        const who = `Block ${index + 1} of ${blocks.length} of the training data`;
        const fetched = await download(who, block, request, signal);
        block.target.set(fetched);
        await cache.put(block.sha256, fetched);
      }
      loadedBytes += block.bytes;
      onProgress?.({ loadedBytes, totalBytes });
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrentRequests }, loader));
  } catch (error) {
    stop.abort();
    throw error;
  }
  return { images, labels };
}

interface Block {
  readonly sha256: string;
  readonly bytes: number;
  /** Where it belongs: a view of the whole. */
  readonly target: Uint8Array;
}

function layOut(entries: DataManifest['images'], whole: Uint8Array): Block[] {
  let end = 0;
  return entries.map(({ sha256, bytes }) => {
    end += bytes;
    return { sha256, bytes, target: whole.subarray(end - bytes, end) };
  });
}

async function download(
  who: string,
  block: Block,
  request: TrainingDataRequest,
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
  sha256: TrainingDataRequest['sha256'],
): Promise<string | undefined> {
  if (bytes.length !== expected.bytes) {
    return `expected ${expected.bytes} bytes, found ${bytes.length}`;
  }
  const found = await sha256(bytes);
  return found === expected.sha256 ? undefined : `its bytes are wrong: their SHA-256 is ${found}`;
}

function byteLength(entries: DataManifest['images']): number {
  return entries.reduce((total, { bytes }) => total + bytes, 0);
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
