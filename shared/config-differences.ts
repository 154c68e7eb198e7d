// What differs between the configurations of runs.
import type { RunConfig } from './config.ts';

/** By the path of each value, `optimizer.learningRate`, with one value a run: null where it has none. */
export type Differences = Readonly<Record<string, readonly unknown[]>>;

export function differencesOf(configs: readonly RunConfig[]): Differences {
  const flat = configs.map((config) => new Map(pathsOf(config)));
  const paths = [...new Set(flat.flatMap((each) => [...each.keys()]))];
  const rows = paths.map((path) => [path, flat.map((each) => each.get(path) ?? null)] as const);
  // All that a configuration holds came out of JSON.
  const differ = rows.filter(
    ([, values]) => new Set(values.map((each) => JSON.stringify(each))).size > 1,
  );
  return Object.fromEntries(differ);
}

function pathsOf(value: object, above = ''): [path: string, value: unknown][] {
  return Object.entries(value).flatMap(([name, inner]): [string, unknown][] => {
    const isGroup = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
    return isGroup ? pathsOf(inner, `${above}${name}.`) : [[above + name, inner]];
  });
}
