// What the network has learned, for whoever looks at the run: its weights of this moment, images that it was tested on
// with its answers, and images that it learns from. All of it over HTTP.
import { bytesOf } from '../shared/codecs/memory.ts';
import type { Dataset, Slice } from '../shared/contracts.ts';
import type { Example } from './evaluation.ts';
import { answerText, type Route, type Visit } from './routes.ts';

/** Whose weights are shown. */
export interface Learner {
  readonly version: number;
  evaluatedWeights(): Float32Array;
}

/** Weights that are younger than this are not copied again. */
const freshMs = 500;
/** Answers with weights that may be on their way at a time: each can hold a copy. */
const maxWeightAnswers = 8;
const trainingImages = 30;

export class Showcase {
  /** Until there is one, no weights are shown. */
  learner: Learner | undefined;
  readonly #dataset: Dataset;
  #evaluated: { readonly epoch: number; readonly examples: readonly Example[] } | undefined;
  #copy: { readonly version: number; readonly at: number; readonly bytes: Uint8Array } | undefined;
  #weightAnswers = 0;

  constructor(dataset: Dataset) {
    this.#dataset = dataset;
  }

  /** `epoch` from 1. */
  evaluated(epoch: number, examples: readonly Example[]): void {
    this.#evaluated = { epoch, examples };
  }

  get routes(): Route[] {
    const door = 'watch';
    return [
      { path: '/api/v1/weights', door, answer: (visit) => this.#answerWeights(visit) },
      { path: '/api/v1/examples', door, answer: (visit) => this.#answerExamples(visit) },
      {
        path: '/api/v1/training-images',
        door,
        answer: (visit) => this.#answerTrainingImages(visit),
      },
    ];
  }

  /** Flat, float32, little-endian. */
  #answerWeights({ response }: Visit): void {
    if (this.learner === undefined) return answerText(response, 503, 'There are no weights yet.');
    if (this.#weightAnswers >= maxWeightAnswers) {
      response.setHeader('retry-after', 1);
      return answerText(response, 503, 'Others are fetching the weights: try again in a second.');
    }
    const { version, bytes } = this.#freshCopy(this.learner, performance.now());
    this.#weightAnswers++;
    response.once('close', () => this.#weightAnswers--);
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': bytes.length,
      'cache-control': 'no-store',
      'x-tutti-version': version,
    });
    response.end(bytes);
  }

  #freshCopy(learner: Learner, now: number) {
    const { version } = learner;
    const isFresh = this.#copy && (this.#copy.version === version || now - this.#copy.at < freshMs);
    if (this.#copy === undefined || !isFresh) {
      const bytes = bytesOf(learner.evaluatedWeights().slice());
      this.#copy = { version, at: now, bytes };
    }
    return this.#copy;
  }

  /** `?label=4&answer=9`: images of the last evaluation. */
  #answerExamples({ response, query }: Visit): void {
    const label = Number(query.get('label') ?? Number.NaN);
    const answer = Number(query.get('answer') ?? Number.NaN);
    const { test } = this.#dataset;
    const { epoch, examples = [] } = this.#evaluated ?? {};
    const chosen = examples.filter((each) => each.label === label && each.answer === answer);
    const images = chosen.map(({ image, confidence }) => ({
      image,
      confidence,
      pixels: pixelsOf(test, image),
    }));
    answerJson(response, { epoch, label, answer, images });
  }

  #answerTrainingImages({ response }: Visit): void {
    const { train } = this.#dataset;
    const labels = Array.from(train.labels.subarray(0, trainingImages));
    const images = labels.map((label, image) => ({ image, label, pixels: pixelsOf(train, image) }));
    answerJson(response, { images });
  }
}

/** In base64. */
function pixelsOf({ images, labels }: Slice, image: number): string {
  const imageBytes = images.length / labels.length;
  const pixels = images.subarray(image * imageBytes, (image + 1) * imageBytes);
  return Buffer.from(pixels).toString('base64');
}

function answerJson(response: Visit['response'], value: object): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}
