// What an administrator may ask of a run while it goes on, and how that is answered.
import * as v from 'valibot';

const label = v.pipe(v.string(), v.maxLength(200));
/** How the event names whoever asks. */
const asker = { by: v.optional(label) };

/** The body of each request, by the last part of its address. */
export const controlRequests = {
  /** Open no further step. */
  pause: v.strictObject(asker),
  resume: v.strictObject(asker),
  /** Finish the step in progress, write a checkpoint, end. */
  stop: v.strictObject(asker),
  /** Write one now. */
  checkpoint: v.strictObject(asker),
  /** In place of the configured learning rate, from the next step that opens; the schedule's factor stays. */
  rate: v.strictObject({ ...asker, rate: v.pipe(v.number(), v.finite(), v.minValue(0)) }),
  /** The worker of this id, or of this name when no other has it. It is told the reason. */
  expel: v.strictObject({ ...asker, worker: label, reason: v.optional(label) }),
} satisfies Record<string, v.GenericSchema>;

export type ControlKind = keyof typeof controlRequests;
export const controlKinds = Object.keys(controlRequests) as ControlKind[];

export type ControlRequest = {
  [Kind in ControlKind]: { readonly kind: Kind } & v.InferOutput<(typeof controlRequests)[Kind]>;
}[ControlKind];

/** Why it was not done, with the status of the answer: `code` for programs, the sentences for people. */
export const controlFaults = {
  token: 401,
  scope: 403,
  origin: 403,
  kind: 404,
  worker: 404,
  method: 405,
  ambiguous: 409,
  paused: 409,
  moving: 409,
  over: 409,
  busy: 409,
  size: 413,
  body: 400,
  starting: 503,
  disk: 507,
} as const;

export interface ControlFault {
  readonly code: keyof typeof controlFaults;
  /** What is wrong, with the name or value at fault. */
  readonly message: string;
  /** What to do next. */
  readonly hint: string;
  /** Where a worker was not found: the names of those that are here. */
  readonly known?: readonly string[];
}

/** What a refused request is answered with; one that was carried out gets its event of type `control`. */
export const controlFaultSchema = v.object({
  error: v.object({
    code: v.picklist(Object.keys(controlFaults) as (keyof typeof controlFaults)[]),
    message: v.string(),
    hint: v.string(),
    known: v.optional(v.array(v.string())),
  }),
});
