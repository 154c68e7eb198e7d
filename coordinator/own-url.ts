// The addresses at which a server is reached.

export interface Reached {
  readonly host: string;
  /** The address, or name, under which others reach this machine; by default the one that it listens on. */
  readonly publicHost?: string;
  /** Where others reach it, when that is not this machine at its port. */
  readonly publicUrl?: string;
  readonly tls?: object;
}

/** `url` is for everybody else, `localUrl` for who is on this machine. */
export function ownUrls(
  { host, publicHost = host, publicUrl, tls }: Reached,
  port: number,
): { readonly url: string; readonly localUrl: string } {
  const urlAt = (name: string): string => {
    const scheme = tls === undefined ? 'http' : 'https';
    return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port}`;
  };
  const isAnyAddress = host === '0.0.0.0' || host === '::';
  return {
    url: publicUrl ?? urlAt(publicHost),
    localUrl: urlAt(isAnyAddress ? '127.0.0.1' : host),
  };
}
