import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { cleanName } from '../shared/names.ts';
import { dataManifestSchema } from '../shared/protocol.ts';

describe('a name from a stranger', () => {
  it.each([
    ['lab-3', 'lab-3'],
    ['Zoë’s 🖥️ 中文', 'Zoë’s 🖥️ 中文'],
    ['  lab 3  ', 'lab 3'],
    ['\u001b[31mred\u001b[0m', '[31mred[0m'],
    ['two\r\nlines\u2028three\u2029four', 'twolinesthreefour'],
    ['\u202eevil\u200b', 'evil'],
    ['half \ud800 a pair', 'half  a pair'],
    ['\u0000\u007f\u0085', 'w1'],
    ['   ', 'w1'],
    ['', 'w1'],
  ])('is made printable, on one line: %j', (name, expected) => {
    expect(cleanName(name, 'w1')).toBe(expected);
  });

  it('is at most forty characters long, none of them broken', () => {
    expect(cleanName('x'.repeat(41), 'w1')).toBe('x'.repeat(40));
    expect(cleanName('😀'.repeat(200), 'w1')).toBe('😀'.repeat(40));
    expect(cleanName(`${'x'.repeat(39)} y`, 'w1')).toBe('x'.repeat(39));
  });

  it('costs the same however long it is', () => {
    const hidden = `${'\u200b'.repeat(1_000_000)}name`;
    expect(cleanName(hidden, 'w1')).toBe('w1');
  });
});

describe('a piece of data, which becomes a file', () => {
  const isTaken = (sha256: string) =>
    v.is(dataManifestSchema, { images: [{ sha256, bytes: 1 }], labels: [] });

  it('is called after its content', () => {
    expect(isTaken('0123456789abcdef'.repeat(4))).toBe(true);
  });

  it.each(['../../.ssh/config', '/etc/passwd', '', `${'0'.repeat(64)}/..`, `${'0'.repeat(64)}\n`])(
    'is not called %j',
    (name) => expect(isTaken(name)).toBe(false),
  );
});
