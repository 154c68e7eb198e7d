// How the pages are built: TypeScript in, files with the hash of their content in their names out.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  // So that the files work from wherever somebody puts them.
  base: './',
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // A page is a line here, and one in ./built.ts.
      input: {
        join: here('join.html'),
        tutti: here('../../worker/browser/join-run.ts'),
      },
      preserveEntrySignatures: 'exports-only',
      output: {
        // What others import has the same name in every version.
        entryFileNames: ({ name }) => (name === 'tutti' ? 'tutti.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
});
