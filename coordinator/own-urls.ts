// Where a coordinator is, for others and for itself.

export interface Place {
  /** What it listens on. */
  readonly host: string;
  /** Under which others reach this machine, unless that is the same. */
  readonly publicHost?: string;
  /** Where others reach it, when that is not this machine at its port. */
  readonly publicUrl?: string;
  readonly tls?: object;
}

/** `url` for everybody else, `localUrl` for workers on this machine. */
export function ownUrls(
  { host, publicHost = host, publicUrl, tls }: Place,
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
