// Pictures that somebody brings, all the way: trained on, evaluated, predicted, and refused.
import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../shared/random.ts';
import { inScope, runTutti, type TestScope, temporaryFolder } from './support.ts';

/** What a terminal would act on. */
const classNames = ['dark', 'light\u001b[31m'];

describe.concurrent('a run on folders of PNGs', () => {
  const cwd = temporaryFolder({ onTestFinished: afterAll });
  writeImages(join(cwd, 'pictures'), classNames);
  writeImages(join(cwd, 'shades'), ['black', 'white']);
  let run: string;
  const tutti = (t: TestScope, ...words: string[]) => runTutti(t, words, { cwd });

  beforeAll(async () => {
    const flags = '--dataset=images --data=pictures --hidden=8 --batch-size=8 --epochs=10';
    const words = `train ${flags} --workers=1 --port=0`.split(' ');
    const { status, stdout } = await inScope((t) => tutti(t, ...words));
    expect(status).toBe(0);
    expect(stdout).toMatch('\n  data      PNG data, 64 training and 16 test images\n');
    expect(stdout).toMatch('16-8-2 relu');
    const [id] = await readdir(join(cwd, 'runs'));
    run = `runs/${id}`;
  });

  it('learns to tell them apart', async (t) => {
    const { stdout } = await tutti(t, 'evaluate', run, '--data=pictures', '--json');
    const { accuracy, confusion, classNames: named } = JSON.parse(stdout);
    expect({ accuracy, confusion, named }).toEqual({
      accuracy: 1,
      confusion: [
        [8, 0],
        [0, 8],
      ],
      named: classNames,
    });
  });

  it('calls a picture by the name of its folder, which does nothing to a terminal', async (t) => {
    const picture = join('pictures', 'test', classNames[1], '7.png');
    const { stdout } = await tutti(t, 'predict', run, picture, '--data=pictures');
    expect(stdout).toMatch(/7\.png, looks like light\n {8}dark {2}.* %\n {7}light {2}.* %\n$/);
    expect(stdout).not.toContain('\u001b');
    const table = await tutti(t, 'evaluate', run, '--data=pictures');
    expect(table.stdout).toMatch('\n label  dark light\n  dark     8     0\n light     0     8\n');
  });

  it.for<[string, string]>([
    ['train --resume', 'was trained on other data than this.\nPass '],
    ['evaluate', 'was trained on images of another size or of other classes.\nPass '],
  ])('refuses data whose classes have other names: %s', async ([command, why], t) => {
    const { status, stderr } = await tutti(t, ...command.split(' '), run, '--data=shades');
    expect(status).toBe(3);
    expect(stderr).toMatch(why);
  });

  it('names a bad file without doing what its name says', async (t) => {
    const data = join(cwd, 'hostile');
    writeImages(data, ['dark', 'light']);
    await rename(join(data, 'test', 'light'), join(data, 'test', classNames[1]));
    const { stderr } = await tutti(t, 'train', '--dataset=images', `--data=${data}`);
    expect(stderr).toMatch(`tutti: ${data}/test/light: the training images have no class of that`);
  });
});

/** Noise of 4 x 4 pixels, the first class below mid-grey and the second above. */
function writeImages(root: string, names: readonly string[]): void {
  const random = createRandom('pictures');
  for (const [split, count] of Object.entries({ train: 32, test: 8 })) {
    names.forEach((name, label) => {
      const folder = join(root, split, name);
      mkdirSync(folder, { recursive: true });
      for (let at = 0; at < count; at++) {
        const data = Uint8Array.from({ length: 16 }, () => 128 * label + random.below(128));
        writeFileSync(
          join(folder, `${at}.png`),
          encode({ width: 4, height: 4, channels: 1, data }),
        );
      }
    });
  }
}
