// A checkpoint as bytes: weights and optimizer as safetensors, a state.json that vouches for both.
import type { OptimizerState } from '../shared/contracts.ts';
import type { Model } from '../shared/model/model.ts';
import { modelToTensors, tensorsToWeights } from '../shared/model/state-dict.ts';
import { decodeSafetensors, encodeSafetensors } from '../shared/safetensors.ts';
import {
  decodeState,
  encodeState,
  type Progress,
  type Refusal,
  refuse,
} from './checkpoint-state.ts';
import { sha256, weightsHash } from './weights-hash.ts';

/** All that a run needs to go on from where it was. */
export interface Snapshot extends Progress {
  readonly weights: Float32Array;
  readonly optimizer: OptimizerState;
}

/** Whose checkpoint it is: nobody else's is loaded. */
export interface CheckpointOwner {
  readonly model: Model;
  readonly run: string;
  readonly configHash: string;
}

const tensorFileNames = ['model.safetensors', 'optimizer.safetensors'] as const;
export const checkpointFileNames = [...tensorFileNames, 'state.json'] as const;
export type CheckpointFiles = Readonly<Record<(typeof checkpointFileNames)[number], Uint8Array>>;

/** Throws for what no checkpoint may hold: another model's weights, a loss that is not finite. */
export function encodeCheckpoint(
  { weights, optimizer, ...progress }: Snapshot,
  { model, run, configHash }: CheckpointOwner,
): CheckpointFiles {
  // `format` is what readers in the PyTorch world look for.
  const metadata = { format: 'pt', run, version: String(progress.version) };
  const vectors = Object.entries(optimizer).map(([name, values]) => {
    return { name, shape: [values.length], values };
  });
  const modelFile = encodeSafetensors(modelToTensors(model, weights), metadata);
  const optimizerFile = encodeSafetensors(vectors, metadata);
  const state = {
    run,
    configHash,
    progress,
    weightsHash: weightsHash(weights),
    sha256: {
      'model.safetensors': sha256(modelFile),
      'optimizer.safetensors': sha256(optimizerFile),
    },
  };
  return {
    'model.safetensors': modelFile,
    'optimizer.safetensors': optimizerFile,
    'state.json': encodeState(state),
  };
}

/** Never throws for what a disk may hold: a missing, torn, altered or foreign file is a reason. */
export function decodeCheckpoint(
  files: Partial<CheckpointFiles>,
  owner: CheckpointOwner,
): { readonly ok: true; readonly snapshot: Snapshot } | Refusal {
  if (!isComplete(files)) {
    const missing = checkpointFileNames.filter((name) => files[name] === undefined);
    return refuse(`it is incomplete: ${missing.join(' and ')} missing`);
  }
  const decoded = decodeState(files['state.json']);
  if (!decoded.ok) return decoded;
  const { state } = decoded;
  if (state.run !== owner.run) return refuse(`it belongs to the run ${state.run}`);
  if (state.configHash !== owner.configHash) {
    return refuse('it was made with another configuration or other data');
  }
  for (const name of tensorFileNames) {
    if (sha256(files[name]) !== state.sha256[name]) return refuse(`${name} is torn or altered`);
  }
  try {
    const weights = tensorsToWeights(
      owner.model,
      decodeSafetensors(files['model.safetensors']).tensors,
    );
    if (weightsHash(weights) !== state.weightsHash) return refuse('its weights have another hash');
    const optimizer = Object.fromEntries(
      [...decodeSafetensors(files['optimizer.safetensors']).tensors].map(([name, { values }]) => {
        return [name, values];
      }),
    );
    return { ok: true, snapshot: { ...state.progress, weights, optimizer } };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function isComplete(files: Partial<CheckpointFiles>): files is CheckpointFiles {
  return checkpointFileNames.every((name) => files[name] !== undefined);
}
