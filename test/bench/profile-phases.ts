// Where the main thread of a process spent its time, from the profile that Node wrote: each sample counts for the
// innermost of its callers that belongs to a phase.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const phases = [
  'compute',
  'add',
  'update',
  'check',
  'codec',
  'frame',
  'send',
  'receive',
  'garbage',
  'other',
  'waiting',
] as const;
export type Phase = (typeof phases)[number];

/** The first that fits: a name of V8's own, or a part of the file's address. */
const rules: readonly (readonly [phase: Phase, pattern: RegExp])[] = [
  ['waiting', /^\(idle\)/],
  ['garbage', /^\(garbage collector\)/],
  ['compute', /onnxruntime|worker\/engines\//],
  ['add', /shared\/tree-sum/],
  ['update', /shared\/optimizers\//],
  ['check', /coordinator\/gradient-check/],
  ['codec', /shared\/codecs\//],
  ['frame', /shared\/(?:wire|checksum|xxhash32|msgpack-scan)|msgpackr/],
  ['receive', /shared\/(?:steady-receiver|socket-parser)|ws\/lib\/receiver/],
  ['send', /^writev|^writeBuffer|ws\/lib\/sender|engine\.io|socket\.io/],
];

interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** Ids of nodes. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** Milliseconds by phase of the process that left its profiles in this folder. */
export async function phasesOf(folder: string): Promise<ReadonlyMap<Phase, number>> {
  // Threads are numbered from 0, which is the main one.
  const name = (await readdir(folder)).find((each) => /\.0\.\d+\.cpuprofile$/.test(each));
  if (name === undefined) throw new Error(`${folder} has no profile of a main thread`);
  const profile: Profile = JSON.parse(await readFile(join(folder, name), 'utf8'));
  const parents = new Map<number, ProfileNode>();
  for (const node of profile.nodes)
    for (const child of node.children ?? []) parents.set(child, node);
  const phaseOf = new Map(profile.nodes.map((node) => [node.id, findPhase(node, parents)]));
  const spent = new Map<Phase, number>();
  for (const [at, id] of profile.samples.entries()) {
    const phase = phaseOf.get(id)!;
    spent.set(phase, (spent.get(phase) ?? 0) + profile.timeDeltas[at] / 1000);
  }
  return spent;
}

function findPhase(node: ProfileNode, parents: ReadonlyMap<number, ProfileNode>): Phase {
  for (let at: ProfileNode | undefined = node; at !== undefined; at = parents.get(at.id)) {
    const { functionName, url } = at.callFrame;
    const found = rules.find(([, pattern]) => pattern.test(`${functionName} ${url}`));
    if (found !== undefined) return found[0];
  }
  return 'other';
}
