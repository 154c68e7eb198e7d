// What a command would go by: every option, its value and where that comes from. No secrets.
import type { Options } from 'yargs';
import type { Command } from '../command.ts';
import { sanitize } from '../terminal/format.ts';
import { plainStyle } from '../terminal/style.ts';
import { tableLines } from '../terminal/table.ts';
import { commonOptions, secretOption } from './options.ts';
import { originText, type Setting, type Settings } from './settings.ts';

export function settingsText({ options }: Command, settings: Settings): string {
  const all = Object.entries({ ...options, config: commonOptions.config });
  const rows = all.map(([name, option]) => rowOf(name, option, settings.get(name)));
  return tableLines(['option', 'value', 'from'], rows, plainStyle).join('\n');
}

function rowOf(name: string, option: Options, setting: Setting | undefined): string[] {
  if (setting === undefined) return [name, defaultOf(option), 'default'];
  const value = name === secretOption ? '(secret)' : textOf(setting.value);
  return [name, sanitize(value), sanitize(originText(setting.origin))];
}

function defaultOf(option: Options): string {
  return option.defaultDescription ?? textOf(option.default);
}

function textOf(value: unknown): string {
  if (value === undefined) return '-';
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
}
