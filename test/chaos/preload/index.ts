// What the environment of a process must hold for a file here to be there first.

export function preloaded(file: `${string}.js`): { readonly NODE_OPTIONS: string } {
  return { NODE_OPTIONS: `--import=${new URL(file, import.meta.url)}` };
}
