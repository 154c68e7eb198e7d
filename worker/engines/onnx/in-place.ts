// ONNX Runtime's binding for Node fills the outputs that it is given, and copies each into fresh memory for its caller all
// the same: of a network with 415,000 parameters that takes as long as a third of the computing. It goes through the
// outputs in the order of the graph. So the first one is a kind that it refuses to hand over, and with that the copies are
// spared. Where it behaves in any other way, nothing of this is used.
import type { InferenceSession } from 'onnxruntime-node';
import type { OnnxGraph } from '../../../shared/model/onnx-writer.ts';

type Tensors = InferenceSession.OnnxValueMapType;

const refusedOutput = 'refused';

/** The same graph with such an output in front. `scalar` names a float32 of it. */
export function withRefusedOutput(graph: OnnxGraph, scalar: string): OnnxGraph {
  const node = { operator: 'SequenceConstruct', inputs: [scalar], output: refusedOutput };
  const output = { name: refusedOutput, type: 'float32', shape: [], isSequence: true } as const;
  return {
    ...graph,
    nodes: [...graph.nodes, { ...node, attributes: {} }],
    outputs: [output, ...graph.outputs],
  };
}

/** Runs a session of such a graph: fills `outputs`. */
export type FillOutputs = (feeds: Tensors, outputs: Tensors) => Promise<void>;

/**
 * Undefined when the binding does something else than refuse: `feeds` and `outputs` are for a trial, and `filled` is the
 * value of `scalar` in these outputs.
 */
export async function fillerOf(
  session: InferenceSession,
  { feeds, outputs, filled }: { feeds: Tensors; outputs: Tensors; filled: Float32Array },
): Promise<FillOutputs | undefined> {
  const run = (inputs: Tensors, places: Tensors) =>
    session.run(inputs, { ...places, [refusedOutput]: null });
  filled[0] = Number.NaN;
  const refusal = await run(feeds, outputs).then(
    () => undefined,
    ({ message }: Error) => message,
  );
  if (refusal === undefined || !Number.isFinite(filled[0])) return undefined;
  return async (inputs, places) => {
    await run(inputs, places).catch((error: Error) => {
      if (error.message !== refusal) throw error;
    });
  };
}
