import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { startDashboard } from '../../coordinator/dashboard.ts';
import { openGate } from '../../coordinator/gate.ts';
import { defaultLimits } from '../../coordinator/limits.ts';
import { createRefusals } from '../../coordinator/refusals.ts';
import { listRuns } from '../../coordinator/run-list.ts';
import { linkTo } from '../../shared/join-link.ts';
import { type Entry, entryOf, prepareAdmission } from '../admission.ts';
import { admissionOptions } from '../admission-options.ts';
import { defineCommand } from '../command.ts';
import { CliError, type ExitCode } from '../exit-codes.ts';
import { onInterrupt } from '../interrupt.ts';
import { listen } from '../listen.ts';
import { openPages } from '../pages/built.ts';
import { keepLinks } from '../serve.ts';
import { outputOptions, refuseImpossiblePort, serveOptions } from '../serve-options.ts';
import { formatPath, jsonLine } from '../terminal/format.ts';

export const dashboard = defineCommand({
  usage: 'dashboard [runs]',
  describe: 'Past runs in a browser: their curves, and what differs between them',
  positionals: {
    runs: { type: 'string', describe: serveOptions.runs.describe, default: 'runs' },
  },
  options: {
    host: {
      ...serveOptions.host,
      describe: 'Address to listen on; 0.0.0.0 is for all, with a link',
    },
    port: serveOptions.port,
    ...admissionOptions,
    json: { ...outputOptions.json, describe: 'Where it is, as one line of JSON on stdout' },
  },
  examples: [
    ['$0 dashboard', 'All runs in runs/'],
    ['$0 dashboard /data/runs --host 0.0.0.0', 'For other machines, too'],
  ],
  async run({ runs: root, json, ...flags }): Promise<ExitCode> {
    refuseImpossiblePort(flags.port);
    const count = await countRuns(root);
    const warn = (message: string): boolean => process.stderr.write(`${message}\n`);
    const admission = await prepareAdmission(flags);
    const { isGuarded, linksLastMs, publicHost, publicUrl, tls, tokens } = admission;
    const linksFile = join(root, 'links.json');
    const entry = isGuarded
      ? entryOf({ path: linksFile, linksLastMs, given: tokens, warn })
      : undefined;
    const pages = openPages(() => warn('building the pages, this once'));
    pages.catch((error: Error) => warn(error.message));
    const refusals = createRefusals(warn);
    const { url, close } = await listen(flags, (port) =>
      startDashboard({
        runs: root,
        host: flags.host,
        port,
        publicHost,
        publicUrl,
        tls,
        gate: entry?.gate ?? openGate,
        limits: defaultLimits,
        pages,
        onRefused: refusals.add,
      }),
    );
    if (entry !== undefined) keepLinks(linksFile, entry, url, warn);
    for (const warning of admission.warnings) warn(warning);
    if (json) process.stdout.write(jsonLine({ url, runs: resolve(root), count }));
    else {
      console.log(`${count} ${count === 1 ? 'run' : 'runs'} in ${formatPath(root)}`);
      console.log(addressLine(url, entry, linksFile));
      if (tls?.isSelfSigned) console.log(`Certificate, SHA-256: ${tls.fingerprint}`);
    }
    await new Promise<unknown>(onInterrupt);
    refusals.close();
    await close();
    return 'interrupted';
  },
});

/** Tokens go to a terminal, where somebody looks, and not into what is kept as a log. */
function addressLine(url: string, entry: Entry | undefined, linksFile: string): string {
  if (entry === undefined) return `Open in a browser: ${url}/`;
  if (!process.stdout.isTTY) return `The link to watch is in ${formatPath(linksFile)}`;
  return `Open in a browser: ${linkTo(url, '/', entry.tokens.watch)}`;
}

async function countRuns(root: string): Promise<number> {
  const found = await stat(root).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new CliError('run', `there is no folder ${root}.`, {
      hint: 'Name the one that holds your runs: tutti dashboard DIR',
    });
  }
  const runs = (await listRuns(root)).filter(({ state }) => state !== 'broken');
  if (runs.length > 0) return runs.length;
  throw new CliError('run', `${root} holds no runs.`, {
    hint: 'Name the folder that holds them: tutti dashboard DIR. Or start one: tutti train',
  });
}
