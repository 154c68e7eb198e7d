// How others come in: the links and commands to pass on. Tokens go to a terminal, where somebody looks, and not into
// what is kept as a log.
import { renderUnicodeCompact } from 'uqr';
import type { Tokens } from '../../coordinator/tokens.ts';
import { linkTo } from '../../shared/join-link.ts';
import { formatPath, sanitize } from './format.ts';
import type { Style } from './style.ts';

interface Certificate {
  /** SHA-256 of a certificate that nobody vouches for. */
  readonly fingerprint?: string;
}

export type Doors =
  | ({ readonly kind: 'open' } & Certificate)
  | ({
      readonly kind: 'guarded';
      readonly tokens: Tokens;
      /** Where all links are kept. */
      readonly file: string;
    } & Certificate)
  /** Somebody else's: they have told whom they want. */
  | { readonly kind: 'private' };

export interface Screen {
  readonly style: Style;
  /** Undefined where what is printed is kept. */
  readonly columns?: number;
  /** It can draw. */
  readonly hasPictures?: boolean;
}

export function invitationLines(url: string, doors: Doors, screen: Screen): string[] {
  const { style } = screen;
  const address = sanitize(url);
  switch (doors.kind) {
    case 'private':
      return [];
    case 'open':
      return [
        `Browsers join at: ${style.cyan(`${address}/join`)}`,
        `Workers join with: ${style.cyan(command('worker', address, doors))}`,
        `Watch with: ${style.cyan(command('watch', address, doors))}`,
        `Or in a browser: ${style.cyan(`${address}/`)}`,
        ...certificateLines(doors),
      ];
    case 'guarded': {
      const { tokens, file } = doors;
      if (screen.columns === undefined) {
        return [
          `Links to join, watch and administer: ${formatPath(file)}`,
          ...certificateLines(doors),
        ];
      }
      const join = linkTo(address, '/join', tokens.work);
      const quoted = (token: string): string => `'${linkTo(address, '/', token)}'`;
      return [
        ...pictureLines(join, screen),
        `Browsers join at: ${style.cyan(join)}`,
        `Workers join with: ${style.cyan(command('worker', quoted(tokens.work), doors))}`,
        `Watch with: ${style.cyan(command('watch', quoted(tokens.watch), doors))}`,
        `Or in a browser: ${style.cyan(linkTo(address, '/', tokens.watch))}`,
        ...certificateLines(doors),
        `Administer with the link in ${formatPath(file)}, which is yours alone`,
      ];
    }
    default:
      return doors satisfies never;
  }
}

/** What others type. */
export function command(name: string, address: string, { fingerprint }: Certificate): string {
  const pin = fingerprint === undefined ? '' : ` --tls-fingerprint ${fingerprint}`;
  return `npx tutti ${name} ${address}${pin}`;
}

/** For people to compare with what their browser shows. */
function certificateLines({ fingerprint }: Certificate): string[] {
  return fingerprint === undefined ? [] : [`Certificate, SHA-256: ${fingerprint}`];
}

/** A QR code, dark on light whatever colours the terminal has; nothing where it would not fit. */
function pictureLines(link: string, { style, columns = 0, hasPictures }: Screen): string[] {
  const lines = renderUnicodeCompact(link, { border: 2 }).split('\n');
  if (!hasPictures || lines[0].length >= columns) return [];
  return [...lines.map((line) => style.onBlack(style.white(line))), ''];
}
