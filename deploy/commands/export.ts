import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { replaceFile, runOnDisk } from '../../coordinator/disk.ts';
import { classNamesOf, modelOf } from '../../shared/config.ts';
import type { ExportFormat } from '../../shared/contracts.ts';
import { exportFormats, exportNames } from '../../shared/exports/index.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../exit-codes.ts';
import { fileOptions } from '../run-options.ts';
import { jsonOption } from '../serve-options.ts';
import { sanitize } from '../terminal/format.ts';
import { openModel } from '../trained-model.ts';

export const exportCommand = defineCommand({
  usage: 'export <model>',
  describe: 'Write a trained network for ONNX runtimes, TensorFlow.js or PyTorch',
  positionals: {
    model: { type: 'string', describe: 'A run folder or a .safetensors file', demandOption: true },
  },
  options: {
    format: { choices: exportNames, describe: 'What is to open it', default: 'onnx' },
    out: {
      type: 'string',
      describe: 'File to write; with tfjs, the folder',
      defaultDescription: 'here, named after the run',
      requiresArg: true,
    },
    ...fileOptions,
    json: jsonOption,
  },
  examples: [
    ['$0 export runs/ID', 'One file for ONNX Runtime and all that read ONNX'],
    ['$0 export runs/ID --format tfjs --out web', 'web/model.json and web/weights.bin'],
    ['$0 export model.safetensors --hidden 400,200,100', 'A file, with its network'],
  ],
  async run({ model: path, format: name, out, json, ...flags }) {
    const { config, weights, title, run } = await openModel(path, flags);
    const classNames = classNamesOf(config);
    const format: ExportFormat = exportFormats[name];
    const exported = format.encode({ model: modelOf(config), weights, classNames, run });
    const usualName = `${run ?? basename(path, '.safetensors')}${format.suffix}`;
    const target = await targetOf(out, usualName, exported instanceof Uint8Array);
    const files = await writeExport(target, exported).catch((cause: Error) => {
      throw new CliError('failure', `${target} cannot be written: ${cause.message}`, {
        hint: 'Name another place with --out.',
        cause,
      });
    });
    if (json) console.log(JSON.stringify({ model: title, format: name, files }));
    else console.log(`${sanitize(title)}, as ${format.title}: ${sanitize(files.join(', '))}`);
    return 'ok';
  },
});

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
