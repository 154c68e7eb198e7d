// The pages that the coordinator serves: a table from paths to files in memory. What a stranger asks for is looked
// up in it, and is never the name of anything else.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerNothing, answerText, type Route } from './routes.ts';

export interface PageFile {
  readonly contentType: string;
  readonly bytes: Uint8Array;
  /** The same, compressed. */
  readonly encoded: Readonly<Record<Encoding, Uint8Array>>;
  /** Another content would have another name. */
  readonly isImmutable: boolean;
}

/** The better one first. */
const encodings = ['br', 'gzip'] as const;
type Encoding = (typeof encodings)[number];

/** By the path that a browser asks for: `/join`. */
export type Pages = ReadonlyMap<string, PageFile>;

/** Of a coordinator that has just started they may not be ready; they reject when there should be some and are none. */
export function pageRoute(pages: Promise<Pages> = Promise.resolve(new Map())): Route {
  return {
    path: /(.*)/,
    answer: ({ request, response, parameters: [path] }) => {
      pages.then(
        (files) => {
          const page = files.get(path);
          if (page === undefined) return answerNothing(response);
          sendPage(request, response, page);
        },
        () => answerText(response, 503, 'This coordinator has no pages: its terminal says why.'),
      );
    },
  };
}

function sendPage(
  { headers }: IncomingMessage,
  response: ServerResponse,
  { contentType, bytes, encoded, isImmutable }: PageFile,
): void {
  const accepted = String(headers['accept-encoding'] ?? '').split(/\s*[,;]\s*/);
  const encoding = encodings.find((known) => accepted.includes(known));
  const body = encoding === undefined ? bytes : encoded[encoding];
  response.writeHead(200, {
    'content-type': contentType,
    'content-length': body.length,
    ...(encoding !== undefined && { 'content-encoding': encoding }),
    vary: 'accept-encoding, origin',
    'cache-control': isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    'content-security-policy': contentSecurityPolicy(headers.host),
    'referrer-policy': 'no-referrer',
  });
  response.end(body);
}

const hostPattern = /^[\w.-]+(:\d+)?$|^\[[\da-f:.]+\](:\d+)?$/i;

/** Nothing but what comes from here, and no script in a page itself. `wasm-unsafe-eval` lets WebAssembly be compiled. */
function contentSecurityPolicy(host = ''): string {
  // Not every browser takes 'self' for its own WebSockets.
  const sockets = hostPattern.test(host) ? ` ws://${host} wss://${host}` : '';
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    `connect-src 'self'${sockets}`,
    "style-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
