// Why a port cannot be listened on, and what to do about it.
import { CliError } from './exit-codes.ts';

/** `code` is that of the system's error. */
export function addressError(
  code: string | undefined,
  host: string,
  port: number,
  cause: unknown,
): CliError {
  const where = `${host}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return new CliError('address', `${where} is in use by another program.`, {
        hint: 'Choose another port with --port, or --port 0 for any free one.',
        cause,
      });
    case 'EACCES':
      return new CliError('address', `${where} may not be used without more rights.`, {
        hint: 'Choose a port above 1023 with --port.',
        cause,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new CliError('address', `${host} is not an address of this machine.`, {
        hint: 'Use --host 0.0.0.0 to listen on all of them.',
        cause,
      });
    default:
      return new CliError('address', `${where} cannot be used: ${(cause as Error).message}`, {
        cause,
      });
  }
}
