// What a link to the page says behind its `#`, which no browser sends to anybody: `#t=k7wq2m&autostart`.
import { tokenIn } from '../../../shared/join-link.ts';

export interface JoinLink {
  /** That lets its holder in. */
  readonly token?: string;
  /** Computes without a click. */
  readonly autostart: boolean;
  readonly name?: string;
  /** `auto` or the name of an engine. */
  readonly engine?: string;
}

export function parseLink(fragment: string): JoinLink {
  const keys = new URLSearchParams(fragment.replace(/^#/, ''));
  return {
    token: tokenIn(fragment),
    autostart: keys.has('autostart'),
    name: keys.get('name') ?? undefined,
    engine: keys.get('engine') ?? undefined,
  };
}
