// What a link to the page says behind its `#`, which no browser sends to anybody: `#autostart&name=Ada`.

export interface JoinLink {
  /** Computes without a click. */
  readonly autostart: boolean;
  readonly name?: string;
  /** `auto` or the name of an engine. */
  readonly engine?: string;
}

export function parseLink(fragment: string): JoinLink {
  const keys = new URLSearchParams(fragment.replace(/^#/, ''));
  return {
    autostart: keys.has('autostart'),
    name: keys.get('name') ?? undefined,
    engine: keys.get('engine') ?? undefined,
  };
}
