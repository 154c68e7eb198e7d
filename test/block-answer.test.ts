// Blocks of training data as they go over HTTP.
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { answerWithBlock } from '../coordinator/block-answer.ts';
import { createDataBlocks } from '../coordinator/data-blocks.ts';
import { createRandom } from '../shared/random.ts';

const imageBytes = 100;
const random = createRandom('noise');
/** One block that is mostly empty, and one of noise. */
const images = Uint8Array.from({ length: 500 * imageBytes }, (_, at) =>
  at % 5 === 0 || at >= 250 * imageBytes ? random.below(256) : 0,
);
const blocks = createDataBlocks({ images, labels: new Uint8Array(500) }, imageBytes);
const [sparse, noise] = blocks.manifest.images.map(({ sha256 }) => blocks.get(sha256)!);

let block = sparse;
let sent = 0;
beforeEach(() => {
  block = sparse;
  sent = 0;
});

describe('a block', () => {
  it('is compressed for whoever takes gzip', async () => {
    const { headers, body } = await ask('gzip, deflate');
    expect(headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-length': String(body.length),
      vary: 'accept-encoding',
      'cache-control': 'private, max-age=31536000, immutable',
    });
    expect(new Uint8Array(gunzipSync(body))).toEqual(sparse.bytes);
    expect(body.length).toBeLessThan(sparse.bytes.length / 2);
    expect(sent).toBe(body.length);
  });

  it.each(['br;q=1, GZIP ; q=0.5', '*', 'deflate, *;q=0.1'])(
    'is compressed where "%s" is accepted',
    async (accepted) => {
      expect((await ask(accepted)).headers['content-encoding']).toBe('gzip');
    },
  );

  it.each([undefined, 'identity', 'gzip;q=0', 'gzip; q=0.000, *', 'br', 'deflate', ''])(
    'is sent as it is where "%s" is accepted',
    async (accepted) => {
      const { headers, body } = await ask(accepted);
      expect(headers['content-encoding']).toBeUndefined();
      expect(headers).toMatchObject({
        'content-length': String(sparse.bytes.length),
        vary: 'accept-encoding',
      });
      expect(new Uint8Array(body)).toEqual(sparse.bytes);
    },
  );

  it('is sent as it is when it would not be smaller', async () => {
    block = noise;
    const { headers, body } = await ask('gzip');
    expect(headers['content-encoding']).toBeUndefined();
    expect(new Uint8Array(body)).toEqual(noise.bytes);
  });

  it('is compressed once, whoever asks and how often', async () => {
    const [first, second] = await Promise.all([sparse.gzipped(), sparse.gzipped()]);
    expect(first).toBe(second);
    expect(await sparse.gzipped()).toBe(first);
  });
});

async function ask(accepted: string | undefined): Promise<{
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}> {
  const server = createServer(async (incoming, response) => {
    sent = await answerWithBlock(incoming, response, block);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const headers = accepted === undefined ? {} : { 'accept-encoding': accepted };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ port, host: '127.0.0.1', headers, agent: false }, resolve).on('error', reject).end();
  });
  return { headers: response.headers, body: await buffer(response) };
}
