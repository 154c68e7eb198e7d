// npm run build: bundles the pages, compresses what they are made of, and puts all of it in place at once.
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import { minify } from 'terser';
import { build } from 'vite';
import { builtFolder } from './built.ts';

const configFile = fileURLToPath(new URL('./vite.config.ts', import.meta.url));
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** Built one by one: what two pages share would be larger than what either needs of it. A page is also in ./built.ts. */
const inputs: readonly Record<string, string>[] = [
  { join: here('join.html'), tutti: here('../../worker/browser/join-run.ts') },
  { watch: here('watch.html') },
];
/** Others may build at the same time: each has a folder of its own until it is whole. */
const own = `${builtFolder}.${process.pid}`;

// Whoever starts it, a test for one, may have said something else.
process.env.NODE_ENV = 'production';
try {
  for (const input of inputs) {
    await build({ configFile, build: { outDir: own, rolldownOptions: { input } } });
  }
  await shrinkScripts(own);
  await compressAll(own);
  await rm(builtFolder, { recursive: true, force: true });
  await rename(own, builtFolder).catch((error: NodeJS.ErrnoException) => {
    // Another build of the same was faster.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
} finally {
  await rm(own, { recursive: true, force: true });
}

/** What vite leaves is two per cent larger: its own comments, and names that are used once. */
async function shrinkScripts(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  for (const path of names
    .filter((name) => name.endsWith('.js'))
    .map((name) => join(folder, name))) {
    const text = await readFile(path, 'utf8');
    const { code } = await minify(text, { module: true, ecma: 2020, compress: { passes: 3 } });
    await writeFile(path, code!);
  }
}

async function compressAll(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  await Promise.all(
    files.map(async (file) => {
      const path = join(file.parentPath, file.name);
      const bytes = await readFile(path);
      await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes));
      await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
    }),
  );
}
