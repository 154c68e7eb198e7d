// What is printed of a run's links: all that a person needs on a terminal, and no token anywhere else.
import { PassThrough } from 'node:stream';
import jsQR from 'jsqr';
import { describe, expect, it } from 'vitest';
import { drawTokens } from '../coordinator/tokens.ts';
import { type Doors, invitationLines } from '../deploy/terminal/invitation.ts';
import { createReporter, type ReporterMode } from '../deploy/terminal/reporter.ts';
import { createStyle, plainStyle } from '../deploy/terminal/style.ts';
import { everyKind, url } from './terminal-events.ts';

/** Its types speak of a module whose default is the function; Node hands out the function itself. */
const readQr = jsQR as unknown as typeof jsQR.default;

const tokens = drawTokens();
const file = '/data/runs/mnist-1/links.json';
const guarded: Doors = { kind: 'guarded', tokens, file };
const terminal = { style: plainStyle, columns: 100, hasPictures: true };
const join = `${url}/join#t=${tokens.work}`;

/** Each character is two modules, one above the other. */
function decode(lines: readonly string[]): string | undefined {
  const light = { '█': [1, 1], '▀': [1, 0], '▄': [0, 1], ' ': [0, 0] };
  const scale = 4;
  const rows = lines.flatMap((line) => {
    const pairs = [...line].map((one) => light[one as keyof typeof light]);
    return [0, 1].map((half) => pairs.map((pair) => pair[half]));
  });
  const [width, height] = [rows[0].length * scale, rows.length * scale];
  const pixels = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let at = 0; at < width * height; at++) {
    const row = Math.floor(at / width / scale);
    const column = Math.floor((at % width) / scale);
    pixels.fill(255 * rows[row][column], 4 * at, 4 * at + 3);
  }
  return readQr(pixels, width, height, { inversionAttempts: 'dontInvert' })?.data;
}

function pictureIn(lines: readonly string[]): string[] {
  return lines.filter((line) => /^[█▀▄ ]+$/.test(line));
}

describe('an invitation', () => {
  it('shows a QR code that leads to the page', () => {
    const lines = invitationLines(url, guarded, terminal);
    expect(decode(pictureIn(lines))).toBe(join);
    expect(lines).toContain(`Browsers join at: ${join}`);
  });

  it('gives commands that a shell takes as they are, and keeps one link apart', () => {
    const text = invitationLines(url, guarded, terminal).join('\n');
    expect(text).toContain(`Workers join with: npx tutti worker '${url}/#t=${tokens.work}'\n`);
    expect(text).toContain(`Watch with: npx tutti watch '${url}/#t=${tokens.watch}'\n`);
    expect(text).toContain(`Or in a browser: ${url}/#t=${tokens.watch}\n`);
    expect(text).toContain(`Administer with the link in ${file}, which is yours alone`);
    expect(text).not.toContain(tokens.administer);
  });

  it('names the certificate that nobody vouches for', () => {
    const fingerprint = '0123456789abcdef'.repeat(4);
    for (const doors of [{ ...guarded, fingerprint }, { kind: 'open', fingerprint } as const]) {
      const lines = invitationLines(url, doors, terminal);
      const commands = lines.filter((line) => line.includes('npx'));
      expect(commands).toHaveLength(2);
      for (const line of commands) expect(line).toMatch(` --tls-fingerprint ${fingerprint}`);
      expect(lines).toContain(`Certificate, SHA-256: ${fingerprint}`);
    }
  });

  it('is dark on light in any terminal that has colours', () => {
    const style = createStyle({ isTTY: true }, {});
    const [first] = invitationLines(url, guarded, { ...terminal, style });
    expect(first).toMatch(/^\u001b\[40m\u001b\[97m█+\u001b\[39m\u001b\[49m$/);
  });

  it('has no picture where it does not fit, or cannot be drawn', () => {
    for (const screen of [
      { ...terminal, columns: 30 },
      { ...terminal, hasPictures: false },
    ]) {
      const lines = invitationLines(url, guarded, screen);
      expect(pictureIn(lines)).toEqual([]);
      expect(lines).toContain(`Browsers join at: ${join}`);
    }
  });

  it('is plain where nobody needs a link', () => {
    expect(invitationLines(url, { kind: 'open' }, terminal)).toEqual([
      `Browsers join at: ${url}/join`,
      `Workers join with: npx tutti worker ${url}`,
      `Watch with: npx tutti watch ${url}`,
      `Or in a browser: ${url}/`,
    ]);
    expect(invitationLines(url, { kind: 'private' }, terminal)).toEqual([]);
  });
});

/** All that was written so far. Since Node 26 one `read()` returns one chunk of it, not the whole. */
function everythingIn(stream: PassThrough): string {
  let text = '';
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) text += chunk;
  return text;
}

describe('what is printed of a run with links', () => {
  function print(mode: ReporterMode, isTTY: boolean, env = {}) {
    const stdout = Object.assign(new PassThrough(), { isTTY, columns: 100 });
    const stderr = Object.assign(new PassThrough(), { isTTY, columns: 100 });
    const reporter = createReporter({ stdout, stderr, mode, env, doors: guarded });
    for (const event of everyKind) reporter.event(event);
    reporter.close();
    return everythingIn(stdout) + everythingIn(stderr);
  }

  it('has the links and a picture on a terminal', () => {
    expect(print('human', true)).toContain(join);
    expect(print('human', true)).toContain('█▀');
    const dumb = print('human', true, { TERM: 'dumb' });
    expect(dumb).toContain(join);
    expect(dumb).not.toContain('█▀');
  });

  it.each<[string, ReporterMode, boolean]>([
    ['in a log', 'human', false],
    ['for programs', 'json', false],
    ['for programs at a terminal', 'json', true],
    ['by who is quiet', 'quiet', true],
  ])('has no token and no picture %s', (_, mode, isTTY) => {
    const printed = print(mode, isTTY);
    for (const token of Object.values(tokens)) expect(printed).not.toContain(token);
    expect(printed).not.toContain('█▀');
    if (mode !== 'quiet') expect(printed).toContain(`administer: ${file}`);
  });
});
