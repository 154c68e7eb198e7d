// How the pages are built: TypeScript in, files with the hash of their content in their names out.
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const notThere = '\0not-there';
const notThereText = 'export const XHR = undefined, WT = undefined, tlsFault = () => undefined;';

/**
 * Socket.io's other ways than a WebSocket, and its own parser: no coordinator speaks either, and they would be a tenth
 * of the page. And what is wrong with a certificate, which a browser tells nobody.
 */
const leaveOutUnused: Plugin = {
  name: 'leave-out-unused',
  enforce: 'pre',
  resolveId: (source, importer = '') => {
    const isTransport = /polling|webtransport/.test(source);
    const isUnused =
      (importer.endsWith('transports/index.js') && isTransport) ||
      (importer.endsWith('socket.io-client/build/esm/manager.js') && source === 'socket.io-parser');
    return isUnused || source.endsWith('/tls-fault.ts') ? notThere : undefined;
  },
  load: (id) => (id === notThere ? notThereText : undefined),
};

/**
 * uPlot formats numbers in the browser's language. On a system whose language is "C" Chromium gives that a name that is
 * none, uPlot throws, and the page would stay empty. The browser's own default always works.
 */
const anyLanguage: Plugin = {
  name: 'any-language',
  transform: (code, id) => {
    if (!id.includes('/uplot/') || !id.endsWith('.js')) return undefined;
    const changed = code.replace("domEnv ? nav.language : 'en-US'", '');
    if (changed === code) throw new Error('uPlot asks for the language in another way now');
    return changed;
  },
};

export default defineConfig({
  plugins: [anyLanguage],
  root: here('.'),
  // So that the files work from wherever somebody puts them.
  base: './',
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es', plugins: () => [leaveOutUnused] },
  build: {
    target: 'es2022',
    emptyOutDir: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      preserveEntrySignatures: 'exports-only',
      output: {
        // What others import has the same name in every version.
        entryFileNames: ({ name }) => (name === 'tutti' ? 'tutti.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
});
