// The flags of whoever runs a coordinator: `tutti train` and `tutti coordinator`.
import { defaultLimits, type Limits } from '../coordinator/limits.ts';
import { auto } from '../worker/engines/choose.ts';
import { engineSpecs } from '../worker/engines/index.ts';
import { admissionOptions } from './admission-options.ts';
import { auditOptions } from './audit-options.ts';
import type { ValuesOf } from './command.ts';
import { CliError } from './exit-codes.ts';
import { configOptions } from './run-options.ts';
import { logFormatOption } from './terminal/log.ts';

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
  'log-format': logFormatOption,
} as const;

export const engineOption = {
  choices: [auto, ...engineSpecs],
  describe: 'What computes; auto takes the fastest that is right here',
  default: auto,
} as const;

/** Of commands that print one answer. */
export const jsonOption = {
  type: 'boolean',
  describe: 'The answer as JSON on stdout',
  group: 'Output:',
} as const;

export const serveOptions = {
  ...configOptions,
  resume: {
    type: 'string',
    describe: 'Go on with the run in this folder; without one, with the latest unfinished run',
    group: 'Run:',
  },
  'run-id': {
    type: 'string',
    describe: 'Name of the run: starts it, or goes on with it where it stopped',
    defaultDescription: 'drawn from the time',
    conflicts: 'resume',
    requiresArg: true,
    group: 'Run:',
  },
  'take-over': {
    type: 'boolean',
    describe: 'Go on with a run that another computer, which is gone, still holds',
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
    describe: 'Steps or rounds (500), or seconds (30s), between checkpoints inside an epoch',
    default: '30s',
    requiresArg: true,
    group: 'Run:',
  },
  host: {
    type: 'string',
    describe: 'Address to listen on; 0.0.0.0 lets other machines in, with a link',
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
  'shared-memory': {
    type: 'boolean',
    describe: 'Pass weights and gradients of workers on this machine through memory (Linux)',
    default: true,
    group: 'Cluster:',
  },
  'allow-origin': {
    type: 'string',
    array: true,
    describe: 'Another site whose pages may take part: https://school.example',
    requiresArg: true,
    group: 'Cluster:',
  },
  ...admissionOptions,
  ...auditOptions,
  'max-connections': {
    type: 'number',
    describe: 'Open connections in all, of workers, watchers and strangers',
    default: defaultLimits.maxConnections,
    requiresArg: true,
    group: 'Limits:',
  },
  'join-timeout': {
    type: 'number',
    describe: 'Seconds from connecting to being ready to train',
    default: defaultLimits.joinTimeoutMs / 1000,
    requiresArg: true,
    group: 'Limits:',
  },
  'max-messages': {
    type: 'number',
    describe: 'Messages a second from one connection',
    default: defaultLimits.messagesPerSecond,
    requiresArg: true,
    group: 'Limits:',
  },
  ...outputOptions,
  exit: {
    type: 'boolean',
    describe: 'End with the last epoch, in a terminal, too',
    defaultDescription: 'there a completed run can be looked at until Ctrl-C',
    group: 'Output:',
  },
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

/** Before anything is made that a port which cannot be would leave behind. */
export function refuseImpossiblePort(port: number | undefined): void {
  if (port === undefined || (Number.isInteger(port) && port >= 0 && port <= 65_535)) return;
  throw new CliError('usage', `--port: expected a whole number from 0 to 65535, got ${port}.`);
}

type LimitFlags = Pick<ServeFlags, 'maxConnections' | 'joinTimeout' | 'maxMessages'>;

/** Throws CliError that names the flag whose value cannot be. */
export function limitsOf({ maxConnections, joinTimeout, maxMessages }: LimitFlags): Limits {
  const inRange = (flag: string, value: number, max: number): number => {
    if (Number.isInteger(value) && value >= 1 && value <= max) return value;
    const range = `from 1 to ${max.toLocaleString('en-US')}`;
    throw new CliError('usage', `--${flag}: expected a whole number ${range}, got ${value}.`);
  };
  return {
    maxConnections: inRange('max-connections', maxConnections, 1_000_000),
    joinTimeoutMs: 1000 * inRange('join-timeout', joinTimeout, 86_400),
    messagesPerSecond: inRange('max-messages', maxMessages, 1_000_000),
  };
}

/** As browsers name them. Throws CliError for what is none. */
export function originsOf({ allowOrigin = [] }: Pick<ServeFlags, 'allowOrigin'>): string[] {
  return allowOrigin.map((site) => {
    const origin = URL.canParse(site) ? new URL(site).origin : 'null';
    if (origin !== 'null') return origin;
    throw new CliError('usage', `--allow-origin: "${site}" is not the address of a site.`, {
      hint: 'Example: --allow-origin https://school.example',
    });
  });
}
