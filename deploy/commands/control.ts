import { hostname } from 'node:os';
import { controlText } from '../../shared/control-text.ts';
import { type ControlKind, type ControlRequest, controlKinds } from '../../shared/controls.ts';
import { guestOptions } from '../admission-options.ts';
import { askControl } from '../ask-control.ts';
import { defineCommand } from '../command.ts';
import { parseDestination } from '../coordinator-url.ts';
import { CliError, type ExitCode } from '../exit-codes.ts';
import { sanitize } from '../terminal/format.ts';

export const control = defineCommand({
  usage: 'control <url> <what> [value]',
  describe: 'Pause, resume, stop or change a run while it goes on',
  positionals: {
    url: {
      type: 'string',
      describe: 'The link to administer, in links.json in the run folder',
      demandOption: true,
    },
    what: { choices: controlKinds, describe: 'What to do', demandOption: true },
    value: { type: 'string', describe: 'The learning rate, or the name of a worker' },
  },
  options: {
    reason: {
      type: 'string',
      describe: 'Of an expulsion; the worker is told',
      requiresArg: true,
    },
    name: {
      type: 'string',
      describe: 'How others see who did it',
      defaultDescription: 'host name',
      requiresArg: true,
    },
    ...guestOptions,
    json: { type: 'boolean', describe: 'Print the event that tells of it' },
  },
  examples: [
    ["$0 control 'http://lab:7070/#t=TOKEN' pause", 'Until somebody resumes it'],
    ['$0 control http://127.0.0.1:7070 rate 0.05', 'From the next step on'],
    ['$0 control http://127.0.0.1:7070 expel lab-3', 'Send a worker away'],
  ],
  async run({ url, what, value, reason, name = hostname(), json, ...guest }): Promise<ExitCode> {
    const to = parseDestination(url, guest);
    const event = await askControl(to, requestOf(what, { value, reason, by: name }));
    console.log(json ? JSON.stringify(event) : sanitize(controlText(event)));
    return 'ok';
  },
});

interface Words {
  readonly value: string | undefined;
  readonly reason: string | undefined;
  readonly by: string;
}

function requestOf(kind: ControlKind, { value, reason, by }: Words): ControlRequest {
  if (kind === 'rate') return { kind, by, rate: rateOf(value) };
  if (kind === 'expel') {
    if (value) return { kind, by, worker: value, ...(reason !== undefined && { reason }) };
    throw new CliError('usage', 'expel: say which worker.', {
      hint: 'Example: tutti control URL expel lab-3, as tutti watch URL shows its name.',
    });
  }
  if (value === undefined) return { kind, by };
  throw new CliError('usage', `${kind}: "${value}" is one word too many.`, {
    hint: `Example: tutti control URL ${kind}`,
  });
}

function rateOf(text = ''): number {
  const rate = Number(text);
  if (text.trim() !== '' && Number.isFinite(rate) && rate >= 0) return rate;
  throw new CliError('usage', `rate: "${text}" is not a learning rate.`, {
    hint: 'It is a number from 0: tutti control URL rate 0.05',
  });
}
