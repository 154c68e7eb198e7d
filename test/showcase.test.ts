// What the coordinator tells over HTTP of what the network has learned.
import { describe, expect, it } from 'vitest';
import { openGate } from '../coordinator/gate.ts';
import { defaultLimits } from '../coordinator/limits.ts';
import { startServer } from '../coordinator/server.ts';
import { Showcase } from '../coordinator/showcase.ts';
import type { TestScope } from './support.ts';

/** Four pixels an image, each with the image's number. */
const slice = (labels: readonly number[]) => ({
  images: Uint8Array.from({ length: 4 * labels.length }, (_, at) => Math.floor(at / 4)),
  labels: Uint8Array.from(labels),
});

async function newShowcase(t: TestScope) {
  const test = slice([2, 1, 2, 0]);
  const train = slice(Array.from({ length: 100 }, (_, at) => at % 3));
  const shape = { trainSamples: 100, testSamples: 4, rows: 2, columns: 2, classes: 3 };
  const showcase = new Showcase({ shape, train, test });
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    maxPayloadBytes: 1000,
    routes: showcase.routes,
    gate: openGate,
    limits: defaultLimits,
    onRefused: () => undefined,
  });
  t.onTestFinished(() => server.close());
  const get = (path: string) => fetch(`http://127.0.0.1:${server.port}/api/v1/${path}`);
  return { showcase, get };
}

const base64 = (...bytes: number[]) => Buffer.from(bytes).toString('base64');

describe('what was learned', () => {
  it('are the weights of the moment, which training goes on to change', async (t) => {
    const { showcase, get } = await newShowcase(t);
    expect((await get('weights')).status).toBe(503);
    const weights = Float32Array.of(1.5, -2, 0.25);
    showcase.learner = { version: 7, evaluatedWeights: () => weights };
    const response = await get('weights');
    weights.fill(0);
    expect(response.headers.get('x-tutti-version')).toBe('7');
    expect(new Float32Array(await response.arrayBuffer())).toEqual(Float32Array.of(1.5, -2, 0.25));
  });

  it('hands out few copies of large weights to readers that do not read', async (t) => {
    const { showcase, get } = await newShowcase(t);
    const weights = new Float32Array(2 ** 22);
    showcase.learner = { version: 1, evaluatedWeights: () => weights };
    const slow: Response[] = [];
    for (let reader = 0; reader < 8; reader++) slow.push(await get('weights'));
    const refused = await get('weights');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    for (const { status, body } of slow) {
      expect(status).toBe(200);
      await body?.cancel();
    }
    await expect.poll(async () => (await get('weights')).status).toBe(200);
  });

  it('are the images of a label that had an answer in the last evaluation', async (t) => {
    const { showcase, get } = await newShowcase(t);
    const json = async (path: string) => (await get(path)).json();
    expect(await json('examples?label=2&answer=1')).toMatchObject({ images: [] });
    showcase.evaluated(3, [
      { image: 0, label: 2, answer: 1, confidence: 0.75 },
      { image: 1, label: 1, answer: 1, confidence: 0.5 },
      { image: 2, label: 2, answer: 1, confidence: 0.25 },
    ]);
    expect(await json('examples?label=2&answer=1')).toEqual({
      epoch: 3,
      label: 2,
      answer: 1,
      images: [
        { image: 0, confidence: 0.75, pixels: base64(0, 0, 0, 0) },
        { image: 2, confidence: 0.25, pixels: base64(2, 2, 2, 2) },
      ],
    });
    expect(await json('examples?label=x')).toMatchObject({ images: [] });
  });

  it('was learned from images like these', async (t) => {
    const { get } = await newShowcase(t);
    const answer = await (await get('training-images')).json();
    const { images } = answer as { readonly images: readonly object[] };
    expect(images).toHaveLength(30);
    expect(images[29]).toEqual({ image: 29, label: 2, pixels: base64(29, 29, 29, 29) });
  });
});
