// Any error as one that a person can act on.
import { DataError } from '../coordinator/data-error.ts';
import { CliError } from './exit-codes.ts';
import { sanitize } from './terminal/format.ts';

export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof DataError) {
    // It may quote the names of files that came with somebody's data.
    return new CliError('data', sanitize(error.message, 2000), { cause: error });
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new CliError('failure', `a mistake inside tutti: ${detail}`, {
    hint: 'Please report it with the command that led here.',
    cause: error,
  });
}
