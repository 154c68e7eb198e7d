// What deploy/ hands to others, read as they read it: YAML documents, instructions of Dockerfiles, units of systemd.
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { exitCodes } from '../deploy/exit-codes.ts';

export const project = fileURLToPath(new URL('..', import.meta.url));

/** Paths below `deploy/` from the project's root, of files whose names end so. */
export async function deployFiles(...endings: readonly string[]): Promise<string[]> {
  const entries = await readdir(join(project, 'deploy'), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map(({ parentPath, name }) => relative(project, join(parentPath, name)))
    .filter((path) => !path.startsWith('deploy/dist'))
    .sort();
}

export function readProjectFile(path: string): string {
  return readFileSync(join(project, path), 'utf8');
}

/** Another try after these endings ends the same way. */
export const hopelessStatuses = (['usage', 'data', 'run', 'diverged'] as const).map((name) => {
  return exitCodes[name].status;
});

/** Whatever a document holds: tests look into it and fail where it holds something else. */
// biome-ignore lint/suspicious/noExplicitAny: manifests have no types here, and a wrong path is undefined.
export type Document = any;

/** Throws for what is not YAML, and for a key that stands twice in a map. */
export function documentsIn(text: string): Document[] {
  return parseAllDocuments(text, { merge: true }).map((document) => {
    for (const problem of [...document.errors, ...document.warnings]) throw problem;
    return document.toJS();
  });
}

export async function kubernetesFiles(): Promise<string[]> {
  return (await deployFiles('.yaml')).filter((path) => path.startsWith('deploy/kubernetes/'));
}

/** As they are written; overlays change some of them. */
export async function kubernetesResources(): Promise<Document[]> {
  const files = await kubernetesFiles();
  const documents = files.flatMap((path) => documentsIn(readProjectFile(path)));
  return documents.filter(({ kind }) => kind !== 'Kustomization');
}

/** Those of a Deployment, a Job or a JobSet; what is still to be filled in is none. */
export function podsOf({ kind, spec }: Document): Document[] {
  switch (kind) {
    case 'JobSet':
      return spec.replicatedJobs
        .map((job: Document) => job.template.spec.template)
        .filter((pod: Document) => pod.spec !== undefined);
    case 'Job':
    case 'Deployment':
      return [spec.template];
    default:
      return [];
  }
}

export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** Of the last stage, and of all; lines that go on are joined. */
export function instructionsIn(dockerfile: string): { last: Instruction[]; all: Instruction[] } {
  const lines = dockerfile
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const all = lines.map((line): Instruction => {
    const [, name, rest] = /^(\S+)\s+(.*)$/.exec(line) ?? ['', line, ''];
    return { name, rest: rest.replace(/\s+/g, ' ') };
  });
  return { all, last: all.slice(all.findLastIndex(({ name }) => name === 'FROM')) };
}
