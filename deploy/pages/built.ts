// The pages as a coordinator serves them. From a clone they are built when they are missing or older than their
// sources, by a process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PageFile, Pages } from '../../coordinator/pages.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));
/** Not in the repository, but in the npm package. */
export const builtFolder = join(project, 'deploy/dist');
const sourceFolders = ['shared', 'worker', 'deploy/pages'];

/** A page is a line here, and one in ./build.ts. */
const pages: Readonly<Record<string, string>> = { '/': 'watch.html', '/join': 'join.html' };

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Calls `onBuild` when that takes seconds. Rejects with what the build says when it fails. */
export async function openPages(onBuild: () => void): Promise<Pages> {
  if (!(await isFresh())) {
    onBuild();
    await buildPages();
  }
  return readPages();
}

/** In an npm package all files have the same time. */
async function isFresh(): Promise<boolean> {
  const built = await modifiedAt(join(builtFolder, 'join.html'));
  const times = await Promise.all(sourceFolders.map((folder) => newestIn(join(project, folder))));
  return built !== undefined && Math.max(...times) <= built;
}

async function newestIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const times = entries
    .filter((entry) => entry.isFile())
    .map(async ({ parentPath, name }) => (await modifiedAt(join(parentPath, name))) ?? 0);
  return Math.max(...(await Promise.all(times)));
}

async function modifiedAt(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs;
}

async function buildPages(): Promise<void> {
  const child = fork(fileURLToPath(new URL('./build.ts', import.meta.url)), {
    cwd: project,
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaint = '';
  child.stderr?.on('data', (text: Buffer) => {
    complaint = (complaint + text).slice(-2000);
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`the pages cannot be built: ${complaint.trim()}`);
}

async function readPages(): Promise<Pages> {
  const entries = await readdir(builtFolder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile() && contentTypes[extname(entry.name)] !== undefined)
    .map(({ parentPath, name }) => relative(builtFolder, join(parentPath, name)));
  const files = new Map(
    await Promise.all(
      names.map(async (name): Promise<[string, PageFile]> => {
        return [posix.join('/', ...name.split(sep)), await readPageFile(name)];
      }),
    ),
  );
  for (const [pathname, name] of Object.entries(pages)) files.set(pathname, files.get(`/${name}`)!);
  return files;
}

async function readPageFile(name: string): Promise<PageFile> {
  const path = join(builtFolder, name);
  const [bytes, br, gzip] = await Promise.all(
    ['', '.br', '.gz'].map((suffix) => readFile(path + suffix)),
  );
  return {
    contentType: contentTypes[extname(name)],
    bytes,
    encoded: { br, gzip },
    // Their names have the hash of their content.
    isImmutable: name.startsWith(`assets${sep}`),
  };
}
