import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { replaceFile, runOnDisk } from '../../coordinator/disk.ts';
import { classNamesOf, modelOf } from '../../shared/config.ts';
import type { ExportFormat, HistoryFormat } from '../../shared/contracts.ts';
import { type ExportName, exportFormats, exportNames } from '../../shared/exports/index.ts';
import {
  type HistoryFormatName,
  historyFormatNames,
  historyFormats,
} from '../../shared/histories/index.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../exit-codes.ts';
import { findRun, readHistory } from '../past-run.ts';
import { type ConfigFlags, fileOptions } from '../run-options.ts';
import { jsonOption, serveOptions } from '../serve-options.ts';
import { jsonLine, sanitize } from '../terminal/format.ts';
import { openModel } from '../trained-model.ts';

const formatNames = [...exportNames, ...historyFormatNames];

export const exportCommand = defineCommand({
  usage: 'export <run>',
  describe: 'Write a trained network, or how it was trained, for other programs',
  positionals: {
    run: {
      type: 'string',
      describe: 'A run folder, its name, or a .safetensors file',
      demandOption: true,
    },
  },
  options: {
    format: { choices: formatNames, describe: 'What is to open it', default: 'onnx' },
    out: {
      type: 'string',
      describe: 'File to write; with csv, tensorboard and tfjs, the folder',
      defaultDescription: 'here, named after the run',
      requiresArg: true,
    },
    runs: serveOptions.runs,
    ...fileOptions,
    json: jsonOption,
  },
  examples: [
    ['$0 runs export ID', 'One file for ONNX Runtime and all that read ONNX'],
    ['$0 runs export ID --format tfjs --out web', 'web/model.json and web/weights.bin'],
    ['$0 runs export ID --format csv', 'Tables of its steps and epochs'],
    ['$0 runs export model.safetensors --hidden 400,200,100', 'A file, with its network'],
  ],
  async run({ run, format: name, out, runs: root, json, ...flags }) {
    const path = await pathOf(run, root);
    const { content, title, usualName, format } = isHistoryFormat(name)
      ? await exportHistory(path, root, name)
      : await exportNetwork(path, flags, name);
    const target = await targetOf(out, usualName, content instanceof Uint8Array);
    const files = await writeExport(target, content).catch((cause: Error) => {
      throw new CliError('failure', `${target} cannot be written: ${cause.message}`, {
        hint: 'Name another place with --out.',
        cause,
      });
    });
    if (json) process.stdout.write(jsonLine({ model: title, format: name, files }));
    else console.log(`${sanitize(title)}, as ${format}: ${sanitize(files.join(', '))}`);
    return 'ok';
  },
});

interface Exported {
  readonly content: ReturnType<ExportFormat['encode']>;
  /** What is exported, for people. */
  readonly title: string;
  readonly usualName: string;
  /** What it is exported as, for people. */
  readonly format: string;
}

async function exportNetwork(
  path: string,
  flags: ConfigFlags,
  name: ExportName,
): Promise<Exported> {
  const { config, weights, title, run } = await openModel(path, flags);
  const classNames = classNamesOf(config);
  const { encode, suffix, title: format }: ExportFormat = exportFormats[name];
  const content = encode({ model: modelOf(config), weights, classNames, run });
  return { content, title, usualName: `${run ?? basename(path, '.safetensors')}${suffix}`, format };
}

async function exportHistory(
  path: string,
  root: string,
  name: HistoryFormatName,
): Promise<Exported> {
  const history = await readHistory(await findRun(path, root));
  const { encode, suffix, title: format }: HistoryFormat = historyFormats[name];
  return {
    content: encode(history),
    title: history.run,
    usualName: `${history.run}${suffix}`,
    format,
  };
}

function isHistoryFormat(name: string): name is HistoryFormatName {
  return Object.hasOwn(historyFormats, name);
}

/** Its name will do for a run in `root`. */
async function pathOf(run: string, root: string): Promise<string> {
  const isThere = (path: string) => stat(path).then(Boolean, () => false);
  const named = join(root, run);
  return !(await isThere(run)) && (await isThere(named)) ? named : run;
}

/** A folder that is there already takes a single file under its usual name. */
async function targetOf(out: string | undefined, name: string, isFile: boolean): Promise<string> {
  if (out === undefined) return name;
  const found = await stat(out).catch(() => undefined);
  return isFile && found?.isDirectory() ? join(out, name) : out;
}

/** Returns the paths of what it wrote. */
async function writeExport(
  target: string,
  exported: ReturnType<ExportFormat['encode']>,
): Promise<string[]> {
  const files =
    exported instanceof Uint8Array
      ? new Map([[target, exported]])
      : new Map([...exported].map(([name, bytes]) => [join(target, name), bytes]));
  for (const [path, bytes] of files) await runOnDisk(replaceFile(path, bytes));
  return [...files.keys()];
}
