// A session that fills preallocated outputs, without the binding's copies where that goes.
import type { InferenceSession } from 'onnxruntime-node';
import { graphNames } from '../../../shared/model/gradient-graph.ts';
import type { OnnxGraph } from '../../../shared/model/onnx-writer.ts';
import { createYoungCollector } from '../young-garbage.ts';
import { fillerOf, withRefusedOutput } from './in-place.ts';

export type Tensors = InferenceSession.OnnxValueMapType;

export interface GradientSession {
  /** Nothing is copied: outputs may be anywhere. */
  readonly isInPlace: boolean;
  /** Fills `outputs`. */
  run(feeds: Tensors, outputs: Tensors): Promise<void>;
  release(): Promise<void>;
}

type Open = (graph: OnnxGraph) => Promise<InferenceSession>;

/** It fills the outputs that it is given, and returns copies of them, of so many bytes. */
export async function openGradientSession(
  open: Open,
  graph: OnnxGraph,
  copiedBytes: number,
): Promise<GradientSession> {
  const session = await open(graph);
  const dropped = createYoungCollector();
  return {
    isInPlace: false,
    run: async (feeds, outputs) => {
      await session.run(feeds, outputs);
      dropped(copiedBytes);
    },
    release: () => session.release(),
  };
}

/** Undefined where the binding does not let us. `trial` has `filled`, which is where its outputs have the summed loss. */
export async function openInPlace(
  open: Open,
  graph: OnnxGraph,
  trial: { readonly feeds: Tensors; readonly outputs: Tensors; readonly filled: Float32Array },
): Promise<GradientSession | undefined> {
  const session = await open(withRefusedOutput(graph, graphNames.lossSum));
  const fill = await fillerOf(session, trial);
  if (fill !== undefined) return { isInPlace: true, run: fill, release: () => session.release() };
  await session.release();
  return undefined;
}
