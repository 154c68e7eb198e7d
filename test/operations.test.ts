// The pages for operators say all that the program does: every option, metric and wait.
import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Options } from 'yargs';
import { prometheusRoute } from '../coordinator/prometheus.ts';
import { checkWords, commands } from '../deploy/cli.ts';
import type { Command } from '../deploy/command.ts';
import { coordinatorCommand } from '../deploy/commands/coordinator.ts';
import { exitCodes } from '../deploy/exit-codes.ts';
import { settingsInFile } from '../deploy/settings/config-file.ts';
import { commonOptions, variableOf } from '../deploy/settings/options.ts';
import { runEventSchema } from '../shared/events.ts';
import { project, readProjectFile } from './manifests.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { everyKind, viewOf } from './terminal-events.ts';

const page = readProjectFile('deploy/OPERATIONS.md');

describe('the page for operators', () => {
  it('says what every metric means', async () => {
    let text = '';
    const response = { writeHead: () => response, end: (body: string) => (text = body) };
    const visit = { response: response as unknown as ServerResponse };
    await prometheusRoute(() => viewOf(...everyKind)).answer(visit as never);
    const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
    expect(names).toContain('tutti_gradients_total');
    for (const name of names) expect(page).toMatch(RegExp(`^\\| \`${name}\` \\| .+ \\|$`, 'm'));
  });

  it('says what to do about every wait', () => {
    const waiting = runEventSchema.options.find(
      ({ entries }) => entries.type.literal === 'waiting',
    );
    const causes = waiting && 'cause' in waiting.entries ? waiting.entries.cause.options : [];
    expect(causes).toContain('shard');
    for (const cause of causes) expect(page).toMatch(RegExp(`^\\| \`${cause}\` \\| .+ \\|$`, 'm'));
  });

  it('says what every exit code means to who starts processes', () => {
    for (const { status } of Object.values(exitCodes))
      expect(page).toMatch(RegExp(`^\\| ${status} \\| `, 'm'));
  });

  const lines = [...page.matchAll(/^npx tutti (.+)$/gm)].map(([, line]) => line);
  it.each(lines)('has a command that is one: tutti %s', async (line) => {
    const lab = await exampleFile();
    const words = line.replace(/\s+#.*$/, '').split(' ');
    await checkWords(words.map((word) => (word === 'lab.json' ? lab : word)));
  });

  it('has a configuration file that is one', async () => {
    const { options } = coordinatorCommand;
    const settings = settingsInFile(await exampleFile(), options, options);
    expect(settings.get('batch-size')?.value).toBe(128);
  });
});

/** The one that the page shows. */
async function exampleFile(): Promise<string> {
  const [, content] = /^```json\n(.*?)^```$/ms.exec(page)!;
  const path = join(await temporaryDirectory(), 'lab.json');
  await writeFile(path, content);
  return path;
}

it('the list of options is that of the program (npx vitest run test/operations.test.ts -u writes it)', async () => {
  await expect(optionsPage()).toMatchFileSnapshot(join(project, 'deploy/OPTIONS.md'));
});

function optionsPage(): string {
  const users = new Map<string, { option: Options; names: string[] }>();
  const add = (name: string, option: Options, user: string) => {
    const known = users.get(name) ?? { option, names: [] };
    users.set(name, { ...known, names: [...known.names, user] });
  };
  const addAll = ({ usage, options }: Command, group = ''): void => {
    for (const [name, option] of Object.entries<Options>(options)) {
      add(name, option, `${group}${usage.split(' ')[0]}`);
    }
  };
  for (const one of commands) {
    if (!('commands' in one)) addAll(one);
    else for (const inner of one.commands) addAll(inner, `${one.usage} `);
  }
  add('config', commonOptions.config, 'all');
  const rows = [...users]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, { option, names }]) => {
      const { describe: what = '', default: value, defaultDescription } = option;
      const usual = defaultDescription ?? (value === undefined ? '' : String(value));
      return `| \`--${name}\` | \`${variableOf(name)}\` | ${names.join(', ')} | ${what} | ${usual} |`;
    });
  return [
    '# Options',
    '',
    'Every option as a flag and as a variable of the environment; the key in a configuration file is the flag without its',
    'dashes. [OPERATIONS.md](OPERATIONS.md) says which of them counts. Where commands differ, this is what the first of them',
    'has; `tutti <command> --print-config` tells of each.',
    '',
    '| flag | variable | of | what | default |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
