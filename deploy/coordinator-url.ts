import { CliError } from './exit-codes.ts';

/** Accepts what people type, `lab:7070` too, and returns the origin. Throws CliError for what is no address. */
export function parseCoordinatorUrl(text: string): string {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  if (URL.canParse(withScheme)) {
    const { protocol, origin } = new URL(withScheme);
    if (protocol === 'http:' || protocol === 'https:') return origin;
  }
  throw new CliError('usage', `"${text}" is not the address of a coordinator.`, {
    hint: 'Example: http://192.168.1.5:7070, as the coordinator printed it.',
  });
}
