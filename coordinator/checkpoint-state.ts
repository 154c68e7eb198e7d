// state.json of a checkpoint: where the run was, and hashes of the files beside it and of itself.
import * as v from 'valibot';
import { canonicalJson } from './canonical-json.ts';
import { sha256 } from './weights-hash.ts';

/** Raised when a field changes its meaning, comes or goes. */
const checkpointFormat = 1;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const finite = v.pipe(v.number(), v.finite());
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const progressSchema = v.strictObject({
  /** Committed steps. */
  version: count,
  /** Epoch and step that come next, from 0. */
  epoch: count,
  step: count,
  /** Of the committed steps of `epoch`. */
  epochTotals: v.strictObject({
    lossSum: finite,
    correct: count,
    samples: count,
    seconds: finite,
  }),
  /** Of the last evaluation; absent before the first. */
  lastTestAccuracy: v.optional(finite),
  counters: v.optional(
    v.strictObject({
      samplesCommitted: count,
      samplesWasted: count,
      gradientsAccepted: count,
      gradientsDuplicate: count,
      gradientsLate: count,
      gradientsRejected: count,
      bytesIn: v.optional(count),
      bytesOut: v.optional(count),
    }),
  ),
});

const stateSchema = v.strictObject({
  formatVersion: v.literal(checkpointFormat),
  run: v.string(),
  configHash: hash,
  progress: progressSchema,
  weightsHash: hash,
  /** Of the files beside this one. */
  sha256: v.strictObject({ 'model.safetensors': hash, 'optimizer.safetensors': hash }),
});

export type Progress = Readonly<v.InferOutput<typeof progressSchema>>;
type CheckpointState = v.InferOutput<typeof stateSchema>;
export type Refusal = { readonly ok: false; readonly reason: string };

/** Throws when a number is not one that a checkpoint may hold, such as an infinite loss. */
export function encodeState(state: Omit<CheckpointState, 'formatVersion'>): Uint8Array {
  return Buffer.from(seal(v.parse(stateSchema, { ...state, formatVersion: checkpointFormat })));
}

export function decodeState(
  bytes: Uint8Array,
): { readonly ok: true; readonly state: CheckpointState } | Refusal {
  const text = Buffer.from(bytes).toString();
  const content = parseJson(text);
  if (!v.is(v.looseObject({ formatVersion: v.number() }), content)) {
    return refuse('state.json is torn or altered');
  }
  if (content.formatVersion !== checkpointFormat) {
    const wanted = `this version of tutti reads format ${checkpointFormat}`;
    return refuse(`it has format ${content.formatVersion}, ${wanted}`);
  }
  const { checksum: _, ...state } = content;
  if (seal(state) !== text) return refuse('state.json is altered: its checksum differs');
  const parsed = v.safeParse(stateSchema, state);
  if (parsed.success) return { ok: true, state: parsed.output };
  const [issue] = parsed.issues;
  return refuse(`state.json is not valid: ${v.getDotPath(issue)}: ${issue.message}`);
}

export function refuse(reason: string): Refusal {
  return { ok: false, reason };
}

/** One text a state: any other text of the same values is an altered one. */
function seal(state: object): string {
  const checksum = sha256(canonicalJson(state));
  return `${canonicalJson({ ...state, checksum }, 2)}\n`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
