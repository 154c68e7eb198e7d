// Taking a port: the one that was asked for or else a free one, and what can be done where neither goes.
import { addressError } from './address-error.ts';
import { isLoopback } from './admission.ts';
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
