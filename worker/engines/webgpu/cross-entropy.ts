// Softmax cross-entropy of the logits and its slope, one image an invocation.
import { smoothTargets } from '../../../shared/model/label-smoothing.ts';
import { type Dispatch, tile } from './dispatch.ts';

const invocations = tile * tile;

/** `label` and `other`: targets of the classes. */
const codeFor = ({
  label,
  other,
}: {
  readonly label: number;
  readonly other: number;
}) => /* wgsl */ `
struct Shape {
  rows: u32,
  classes: u32,
}
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
// Four bytes a word.
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read_write> slopes: array<f32>;
@group(0) @binding(4) var<storage, read_write> scores: array<f32>;

@compute @workgroup_size(${invocations})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= shape.rows) { return; }
  let label = (labels[row / 4] >> (8 * (row % 4))) & 255;
  let start = row * shape.classes;
  var answer = 0u;
  for (var at = 1u; at < shape.classes; at++) {
    // The first of equals stays.
    if (logits[start + at] > logits[start + answer]) { answer = at; }
  }
  // Shifted by the largest, so that no exponential overflows.
  let largest = logits[start + answer];
  var total = 0.0;
  for (var at = 0u; at < shape.classes; at++) {
    total += exp(logits[start + at] - largest);
  }
  var loss = log(total) + largest;
  for (var at = 0u; at < shape.classes; at++) {
    let probability = exp(logits[start + at] - largest) / total;
    let wanted = select(f32(${other}), f32(${label}), at == label);
    slopes[start + at] = probability - wanted;
    loss -= select(0.0, wanted * logits[start + at], wanted > 0.0);
  }
  scores[2 * row] = loss;
  scores[2 * row + 1] = select(0.0, 1.0, answer == label);
}
`;

interface CrossEntropy {
  readonly rows: number;
  readonly classes: number;
  readonly labelSmoothing: number;
  /** [rows, classes] */
  readonly logits: string;
  /** [rows], bytes. */
  readonly labels: string;
  /** [rows, classes]: softmax minus targets. */
  readonly slopes: string;
  /** [rows, 2]: the loss in nats; 1 where the largest logit is that of the label, else 0. */
  readonly scores: string;
}

export function crossEntropy(options: CrossEntropy): Dispatch {
  const { rows, classes, labelSmoothing, logits, labels, slopes, scores } = options;
  return {
    code: codeFor(smoothTargets(labelSmoothing, classes)),
    shape: [rows, classes],
    buffers: [logits, labels, slopes, scores],
    workgroups: [Math.ceil(rows / invocations), 1],
  };
}
