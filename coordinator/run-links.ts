// The links of a run, in a file that only its owner can read: a resumed run keeps them, and scripts find them here.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as v from 'valibot';
import { linkTo } from '../shared/join-link.ts';
import { hasCode } from './disk.ts';
import { type Tokens, tokenPattern } from './tokens.ts';

const token = v.pipe(v.string(), v.regex(tokenPattern));
const linksFileSchema = v.object({
  formatVersion: v.literal(1),
  tokens: v.object({ work: token, watch: token, administer: token }),
  expires: v.optional(v.pipe(v.string(), v.isoTimestamp())),
});

export interface RunLinks {
  readonly tokens: Tokens;
  /** When those to work and to watch end, ISO 8601. */
  readonly expires?: string;
}

/** Undefined where there are none. Throws when the file cannot be read, or is not what `writeLinks` wrote. */
export function readLinks(path: string): RunLinks | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  const { success, output } = v.safeParse(linksFileSchema, parseJson(text));
  if (success) return { tokens: output.tokens, expires: output.expires };
  throw new Error(`${path} is broken`);
}

/** At once: a script that hears of the run's address looks for its links next. */
export function writeLinks(path: string, { tokens, expires }: RunLinks, url: string): void {
  const links = {
    join: linkTo(url, '/join', tokens.work),
    work: linkTo(url, '/', tokens.work),
    watch: linkTo(url, '/', tokens.watch),
    administer: linkTo(url, '/', tokens.administer),
  };
  const content = { formatVersion: 1, tokens, expires, links };
  const staging = `${path}.tmp`;
  rmSync(staging, { force: true });
  writeFileSync(staging, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(staging, path);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
