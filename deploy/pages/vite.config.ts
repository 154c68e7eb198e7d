// How the pages are built: TypeScript in, files with the hash of their content in their names out.
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** A coordinator speaks through WebSockets alone: the code for other ways would be a tenth of the page. */
const webSocketsAlone: Plugin = {
  name: 'web-sockets-alone',
  enforce: 'pre',
  resolveId: (source, importer) =>
    importer?.endsWith('transports/index.js') && /polling|webtransport/.test(source)
      ? '\0no-transport'
      : undefined,
  load: (id) =>
    id === '\0no-transport' ? 'export const XHR = undefined, WT = undefined;' : undefined,
};

export default defineConfig({
  root: here('.'),
  // So that the files work from wherever somebody puts them.
  base: './',
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es', plugins: () => [webSocketsAlone] },
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
