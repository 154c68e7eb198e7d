// Tokens in files: secrets as container platforms and service managers hand them to a process.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode } from '../coordinator/disk.ts';
import { scopes, type Tokens, tokenPattern } from '../coordinator/tokens.ts';
import { CliError } from './exit-codes.ts';

/** Those of a coordinator, in a folder of files named after their scopes. Throws CliError for what is no token. */
export function readTokens(directory: string | undefined): Partial<Tokens> | undefined {
  if (directory === undefined) return undefined;
  const found = scopes.flatMap((scope): [string, string][] => {
    const token = readIfThere(join(directory, scope));
    return token === undefined ? [] : [[scope, token]];
  });
  if (found.length === 0) {
    throw new CliError('usage', `--tokens: ${directory} has no file ${scopes.join(', ')}.`, {
      hint: 'Write a token into at least one of them: openssl rand -hex 16',
    });
  }
  if (new Set(found.map(([, token]) => token)).size < found.length) {
    throw new CliError('usage', `--tokens: two files in ${directory} hold the same token.`, {
      hint: 'Whoever may watch could do more. Draw one for each.',
    });
  }
  return Object.fromEntries(found);
}

/** That of a guest. Throws CliError for what is no token. */
export function readToken(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const token = readIfThere(file);
  if (token !== undefined) return token;
  throw new CliError('usage', `--token-file: there is no ${file}.`);
}

function readIfThere(file: string): string | undefined {
  const token = textIn(file)?.trim();
  if (token === undefined || tokenPattern.test(token)) return token;
  // Not what it holds: it may be a token with one letter too many.
  throw new CliError('usage', `${file} holds no token.`, {
    hint: 'A token is 22 to 128 letters, digits, _ and -, as random as possible: openssl rand -hex 16',
  });
}

function textIn(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined;
    throw new CliError('usage', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
