// Taking a port: the one that was asked for or else a free one, and what can be done where neither goes.
import { isLoopback } from './admission.ts';
import { CliError } from './exit-codes.ts';
import type { ServeFlags } from './serve-options.ts';

const defaultPort = 7070;

/** `start` rejects with the system's error when it cannot listen. */
export async function listen<Listener>(
  { host, port }: Pick<ServeFlags, 'host' | 'port'>,
  start: (port: number) => Promise<Listener>,
): Promise<Listener> {
  const wanted = port ?? defaultPort;
  try {
    return await start(wanted);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // On this machine alone any port will do, unless the user asked for one.
    if (code === 'EADDRINUSE' && port === undefined && isLoopback(host)) return start(0);
    throw addressError(code, host, wanted, error);
  }
}

function addressError(
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
