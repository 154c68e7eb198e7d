// The pages as they are built: what they weigh, and how they are served.
import { readdir, readFile, stat } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { builtFolder } from '../deploy/pages/built.ts';
import { codecNames } from '../shared/codecs/index.ts';
import { newCluster, quickRun } from './support.ts';

const maxBytes = 60_000;
const maxWatchBytes = 120_000;
const codecChunk = new RegExp(`assets/(${codecNames.join('|')}|\\w+-(kernel|codec))-`);

it('weigh less than 60 kB, all included that a browser fetches of /join to compute', async () => {
  const built = (await readdir(builtFolder, { recursive: true })).filter(isOf('.gz'));
  // Not those of the other page, nor what pages of others import.
  const files = built.filter((name) => !/^(tutti|watch|assets\/(watch|network))\b/.test(name));
  // Engines for graphics cards, fetched where there is one: WebGPU's own, and TensorFlow.js with its two backends.
  const extra = files.filter((name) =>
    /assets\/(device|engine|tfjs-engine|dist|shared)-/.test(name),
  );
  expect(extra).toHaveLength(6);
  // Fetched where the run's numbers travel so, each a few of these.
  const codecs = files.filter((name) => codecChunk.test(name));
  expect(codecs).not.toEqual([]);
  const others = files.filter((name) => !extra.includes(name) && !codecs.includes(name));
  expect(await weightOf(others)).toBeLessThan(maxBytes);
});

it('weigh less than 120 kB, all included that one browser fetches of /', async () => {
  const fetched = new Set(['watch.html']);
  // A set is gone through to its end, also when it grows meanwhile.
  for (const name of fetched) {
    if (!/\.(html|js)$/.test(name)) continue;
    const text = await readFile(join(builtFolder, name), 'utf8');
    for (const [, other] of text.matchAll(/["'`]\.\/((?:assets\/)?[\w-]+\.(?:js|css))["'`]/g)) {
      fetched.add(other.startsWith('assets/') ? other : `assets/${other}`);
    }
  }
  const names = [...fetched];
  for (const part of ['assets/watch-', 'assets/network-', '.css']) {
    expect(names.filter(isOf(part))).not.toEqual([]);
  }
  expect(await weightOf(names.map((name) => `${name}.gz`))).toBeLessThan(maxWatchBytes);
});

it('come compressed, are kept where their names tell of their content, and trust nobody else', async (t) => {
  const { url } = await newCluster(t, { workers: 0, flags: quickRun });
  const page = await fetch(`${url}/join`, { headers: { 'accept-encoding': 'gzip' } });
  expect(page.headers.get('content-encoding')).toBe('gzip');
  expect(page.headers.get('cache-control')).toBe('no-cache');
  const policy = page.headers.get('content-security-policy');
  expect(policy).toMatch(/^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; /);
  expect(policy).toContain(`connect-src 'self' ws://${new URL(url).host} wss://`);
  const html = await page.text();
  expect(html).toBe(gunzipSync(await readFile(join(builtFolder, 'join.html.gz'))).toString());
  const [, script] = /src="\.(\/assets\/[^"]+)"/.exec(html)!;
  const { headers } = await fetch(url + script, { headers: { 'accept-encoding': 'gzip, br' } });
  expect(headers.get('cache-control')).toContain('immutable');
  expect(headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(headers.get('content-encoding')).toBe('br');
});

it('are all that a path can name', async (t) => {
  const { port } = await newCluster(t, { workers: 0, flags: quickRun });
  const paths = [
    '/join/',
    '/join.html.gz',
    '/assets',
    '/assets/../join.html',
    '/assets/%2e%2e/join.html',
    '/..%2fpackage.json',
    '/../package.json',
    '//join',
    'file:///etc/passwd',
    '/__proto__',
  ];
  for (const path of paths) expect(await statusOf(port, path), path).toBe(404);
  expect(await statusOf(port, '/join?x=/../y')).toBe(200);
});

/** Of a request for exactly this path, which no client has tidied up. */
function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ port, path }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}

const isOf = (part: string) => (name: string) => name.includes(part);

async function weightOf(names: readonly string[]): Promise<number> {
  const files = await Promise.all(names.map((name) => stat(join(builtFolder, name))));
  return files.reduce((total, { size }) => total + size, 0);
}
