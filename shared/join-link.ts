// The link that lets somebody in: a coordinator's address and, in its fragment, a token. Neither browsers nor tutti
// send a fragment anywhere, so it stands in no request and in no log of a proxy.

/** `http://lab:7070/join#t=k7wq2m`; `url` has no path. */
export function linkTo(url: string, path: '/' | '/join', token: string): string {
  return `${url}${path}#t=${token}`;
}

/** The token in `#t=k7wq2m`, with or without its `#`, whatever else stands beside it. */
export function tokenIn(fragment: string): string | undefined {
  return /(?:^#?|&)t=([^&]+)/.exec(fragment)?.[1];
}

/** For what people read and programs keep: the same text without the tokens of its links. */
export function withoutTokens(text: string): string {
  return text.replace(/([#&]t=)[^&\s'"]+/g, '$1...');
}
