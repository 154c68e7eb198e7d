// The folder of one run: its configuration, events, ledger, checkpoints and final model.
import { randomInt } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as v from 'valibot';
import { classNamesOf, modelOf, type RunConfig, runConfigSchema } from '../shared/config.ts';
import { onnx } from '../shared/exports/onnx.ts';
import { safetensors } from '../shared/exports/safetensors.ts';
import { canonicalJson } from './canonical-json.ts';
import { diskReader, hasCode, replaceFile, runOnDisk, syncDirectory } from './disk.ts';
import { sha256 } from './weights-hash.ts';

export interface RunFolder {
  /** The run's name for good, whatever its folder is renamed to. */
  readonly id: string;
  readonly directory: string;
  /** ISO 8601. */
  readonly created: string;
  readonly config: RunConfig;
  readonly paths: RunPaths;
}

export interface RunPaths {
  readonly config: string;
  readonly events: string;
  readonly ledger: string;
  readonly rates: string;
  readonly checkpoints: string;
  readonly model: string;
  readonly onnxModel: string;
  readonly curvesSvg: string;
  readonly curvesPng: string;
  /** Of the run's owner alone. */
  readonly links: string;
}

/** What a run may be called. */
export const runIdPattern = /^[\w.-]{1,100}$/;

const configFileSchema = v.strictObject({
  formatVersion: v.literal(1, 'written by a version of tutti with another format'),
  run: v.pipe(v.string(), v.regex(runIdPattern)),
  created: v.pipe(v.string(), v.isoTimestamp()),
  config: runConfigSchema,
});

export interface CreateOptions {
  /** The run's name. There may be a folder of this name, but none of a run; without one, a new name is drawn. */
  readonly id?: string;
  /** Puts in what must be there from the beginning: without its configuration, the folder is none of a run yet. */
  readonly fill?: (folder: RunFolder) => Promise<unknown>;
  readonly drawSuffix?: () => string;
}

/**
 * Makes `<root>/<id>/`, with an id such as 20261122-105412-mnist-4k2f (UTC). `root` holds all runs.
 */
export async function createRunFolder(
  root: string,
  config: RunConfig,
  now: Date,
  { id: name, fill, drawSuffix = randomSuffix }: CreateOptions = {},
): Promise<RunFolder> {
  await mkdir(root, { recursive: true });
  const [date, time] = now.toISOString().slice(0, 19).replace(/[-:]/g, '').split('T');
  const id =
    name ?? (await claimId(root, () => `${date}-${time}-${config.dataset}-${drawSuffix()}`));
  const directory = resolve(root, id);
  const paths = runPaths(directory);
  const created = now.toISOString();
  const folder = { id, directory, created, config, paths };
  await mkdir(paths.checkpoints, { recursive: true });
  await fill?.(folder);
  const content = { formatVersion: 1, run: id, created, config };
  await runOnDisk(replaceFile(paths.config, Buffer.from(`${JSON.stringify(content, null, 2)}\n`)));
  await syncDirectory(root);
  return folder;
}

/** Rejects with what is wrong with the folder and what to do about it. */
export async function openRunFolder(path: string): Promise<RunFolder> {
  const directory = resolve(path);
  const paths = runPaths(directory);
  const bytes = await diskReader.read(paths.config);
  if (bytes === undefined) {
    throw new Error(
      `${path} is not the folder of a run: it has no config.json. ` +
        'Name a folder that tutti made, such as runs/20260131-120000-mnist-4k2f.',
    );
  }
  const parsed = v.safeParse(configFileSchema, parseJson(bytes));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const place = v.getDotPath(issue) ?? 'the file';
    throw new Error(
      `${paths.config} is broken: ${place}: ${issue.message}. ` +
        'Restore the file or start a new run.',
    );
  }
  const { run, created, config } = parsed.output;
  return { id: run, directory, created, config, paths };
}

/** The identity of a configuration: what a checkpoint belongs to. */
export function configHash(config: RunConfig): string {
  return sha256(canonicalJson(config));
}

/** The trained weights where people look for them: a state dict and, last, a model that runs as it is. */
export async function writeFinalModel(
  { id, config, paths }: RunFolder,
  weights: Float32Array,
): Promise<void> {
  const classNames = classNamesOf(config);
  const network = { model: modelOf(config), weights, classNames, run: id };
  await runOnDisk(replaceFile(paths.model, safetensors.encode(network)));
  await runOnDisk(replaceFile(paths.onnxModel, onnx.encode(network)));
}

export function runPaths(directory: string): RunPaths {
  return {
    config: join(directory, 'config.json'),
    events: join(directory, 'events.ndjson'),
    ledger: join(directory, 'ledger.ndjson'),
    rates: join(directory, 'rates.ndjson'),
    checkpoints: join(directory, 'checkpoints'),
    model: join(directory, 'model.safetensors'),
    onnxModel: join(directory, 'model.onnx'),
    curvesSvg: join(directory, 'curves.svg'),
    curvesPng: join(directory, 'curves.png'),
    links: join(directory, 'links.json'),
  };
}

/** Draws until there is no such folder yet, and creates it. */
async function claimId(root: string, draw: () => string): Promise<string> {
  for (;;) {
    const id = draw();
    try {
      await mkdir(join(root, id));
      return id;
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  }
}

function randomSuffix(): string {
  const number = randomInt(36 ** 4);
  return number.toString(36).padStart(4, '0');
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
