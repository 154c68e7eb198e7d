// The flags of whoever runs a coordinator: `tutti train` and `tutti coordinator`.
import { engineNames } from '../worker/engines/index.ts';
import type { ValuesOf } from './command.ts';
import { CliError } from './exit-codes.ts';
import { configOptions } from './run-options.ts';

export const outputOptions = {
  json: {
    type: 'boolean',
    describe: 'Events as NDJSON on stdout, text for people on stderr',
    group: 'Output:',
  },
  quiet: {
    type: 'boolean',
    describe: 'Print only what somebody should look into',
    conflicts: 'json',
    group: 'Output:',
  },
} as const;

export const engineOption = {
  choices: engineNames,
  describe: 'What computes',
  default: 'onnx',
} as const;

export const serveOptions = {
  ...configOptions,
  resume: {
    type: 'string',
    describe: 'Go on with the run in this folder',
    requiresArg: true,
    group: 'Run:',
  },
  runs: {
    type: 'string',
    describe: 'Folder of all runs',
    default: 'runs',
    requiresArg: true,
    group: 'Run:',
  },
  'checkpoint-every': {
    type: 'string',
    describe: 'Steps (500) or seconds (30s) between checkpoints inside an epoch',
    default: '30s',
    requiresArg: true,
    group: 'Run:',
  },
  host: {
    type: 'string',
    describe: 'Address to listen on; 0.0.0.0 lets other machines in',
    default: '127.0.0.1',
    requiresArg: true,
    group: 'Cluster:',
  },
  port: {
    type: 'number',
    describe: 'Port to listen on; 0 takes any free one',
    defaultDescription: '7070',
    requiresArg: true,
    group: 'Cluster:',
  },
  ...outputOptions,
} as const;

export type ServeFlags = ValuesOf<typeof serveOptions>;

/** `500` is steps, `30s` is seconds. */
export function parseCheckpointEvery(text: string): {
  checkpointEverySteps?: number;
  checkpointEveryMs?: number;
} {
  const [, amount, unit] = /^(\d+)(s?)$/.exec(text) ?? [];
  if (Number(amount) >= 1) {
    return unit === 's'
      ? { checkpointEveryMs: Number(amount) * 1000 }
      : { checkpointEverySteps: Number(amount) };
  }
  throw new CliError('usage', `--checkpoint-every: "${text}" is neither steps nor seconds.`, {
    hint: 'Examples: --checkpoint-every 500, --checkpoint-every 30s',
  });
}
