// The run's network in this page, with the weights of the coordinator, or of its end: what is drawn here is read here. Loaded when
// somebody comes to look at what was learned.

import { modelOf, type RunConfig } from '../../../../shared/config.ts';
import type { Engine } from '../../../../shared/contracts.ts';
import type { Model } from '../../../../shared/model/model.ts';
import { tensorsToWeights } from '../../../../shared/model/state-dict.ts';
import { decodeSafetensors } from '../../../../shared/safetensors.ts';
import { reference } from '../../../../worker/engines/reference.ts';
import { wasm } from '../../../../worker/engines/wasm.ts';
import { ask } from '../api.ts';

export interface Weights {
  /** Committed steps. */
  readonly version: number;
  readonly values: Float32Array;
}

export interface Network {
  readonly model: Model;
  /** Undefined when the coordinator has none to give at present. */
  fetchWeights(): Promise<Weights | undefined>;
  /** Probabilities of the classes. */
  read(weights: Weights, pixels: Uint8Array): Promise<number[]>;
}

/** Without `past` its weights are those of the coordinator, which change; else those that this run ended with. */
export async function openNetwork(config: RunConfig, past?: PastModel): Promise<Network> {
  const model = modelOf(config);
  const engine = await wasm.create(model).catch(() => reference.create(model));
  const read = createReader(engine);
  const fetchWeights = () =>
    past === undefined ? fetchCurrent(model) : fetchPast(model, past).catch(() => undefined);
  return { model, fetchWeights, read };
}

export interface PastModel {
  /** Address of its state dict. */
  readonly address: string;
  readonly version: number;
}

async function fetchPast(model: Model, { address, version }: PastModel): Promise<Weights> {
  const bytes = await (await ask(address)).arrayBuffer();
  const { tensors } = decodeSafetensors(new Uint8Array(bytes));
  return { version, values: tensorsToWeights(model, tensors) };
}

async function fetchCurrent(model: Model): Promise<Weights | undefined> {
  const response = await ask('api/v1/weights', { cache: 'no-store' }).catch(() => undefined);
  if (!response?.ok) return undefined;
  const bytes = await response.arrayBuffer();
  // Those of another run, which has taken the place of this one.
  if (bytes.byteLength !== 4 * model.parameterCount) return undefined;
  const version = Number(response.headers.get('x-tutti-version'));
  return { version, values: new Float32Array(bytes) };
}

/** An engine computes one thing at a time. */
function createReader(engine: Engine): Network['read'] {
  let last: Promise<unknown> = Promise.resolve();
  let loaded: Weights | undefined;
  return (weights, pixels) => {
    const reading = last.then(async () => {
      if (loaded !== weights) engine.load(weights.values);
      loaded = weights;
      return softmax(await engine.predict(pixels));
    });
    last = reading.catch(() => undefined);
    return reading;
  };
}

function softmax(logits: Float32Array): number[] {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
