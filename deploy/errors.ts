// Any error as one that a person can act on.
import { DataError } from '../coordinator/dataset-files.ts';
import { CliError } from './exit-codes.ts';

export function toCliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof DataError) return new CliError('data', error.message, { cause: error });
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new CliError('failure', `a mistake inside tutti: ${detail}`, {
    hint: 'Please report it with the command that led here.',
    cause: error,
  });
}
