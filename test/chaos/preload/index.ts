// What the environment of a process must hold for files here to be there first.

export type Preload = 'steady-computer.js' | 'jumping-clock.js' | 'dying-disk.js';

export function preloaded(files: readonly Preload[]): { readonly NODE_OPTIONS: string } {
  const imports = files.map((file) => `--import=${new URL(file, import.meta.url)}`);
  return { NODE_OPTIONS: imports.join(' ') };
}
