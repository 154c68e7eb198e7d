// What a coordinator answers until it is ready: that it lives, what it is still doing, and to ask again.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ControlFault } from '../shared/controls.ts';
import { livenessPath, readinessPath } from './health-routes.ts';
import { answerText } from './routes.ts';

/** What takes its time before workers can come in: by its name for programs, and for people. */
const parts = {
  data: 'reads the data',
  checkpoint: 'loads the last checkpoint',
  engine: 'gets an engine ready to evaluate with',
  pages: 'builds its pages',
} as const;
export type StartingPart = keyof typeof parts;

const askAgainSeconds = 1;

export class Starting {
  readonly #current = new Set<StartingPart>();

  /** Tells of this part while `work` goes on. */
  async during<Result>(part: StartingPart, work: Promise<Result>): Promise<Result> {
    this.#current.add(part);
    try {
      return await work;
    } finally {
      this.#current.delete(part);
    }
  }

  /** Also for a request for a WebSocket: whoever sent it tries again. */
  readonly answer = ({ url = '/', headers }: IncomingMessage, response: ServerResponse): void => {
    const [path] = url.split('?', 1);
    response.setHeader('x-content-type-options', 'nosniff');
    if (path === livenessPath) return answerText(response, 200, 'ok');
    response.setHeader('retry-after', askAgainSeconds);
    response.setHeader('cache-control', 'no-store');
    const loading = [...this.#current];
    if (path === readinessPath) return answer503(response, 'application/json', { loading });
    const doing = loading.map((part) => parts[part]).join(', and ') || 'is almost ready';
    if (headers.accept?.includes('text/html')) {
      response.setHeader('content-security-policy', contentSecurityPolicy);
      return answer503(response, 'text/html; charset=utf-8', pageOf(doing));
    }
    const error: ControlFault = {
      code: 'starting',
      message: `The coordinator is starting: it ${doing}.`,
      hint: 'Ask again in a moment.',
    };
    answer503(response, 'application/json', { error });
  };
}

function answer503(response: ServerResponse, contentType: string, body: string | object): void {
  response.writeHead(503, { 'content-type': contentType });
  response.end(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`);
}

const contentSecurityPolicy = "default-src 'none'; script-src 'unsafe-inline'";

/** Until there is another one in its place. `<meta http-equiv="refresh">` loads nothing where a link ends in `#t=TOKEN`. */
const reload = `setTimeout(() => location.reload(), ${1000 * askAgainSeconds})`;

function pageOf(doing: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>tutti is starting</title>
<h1>The coordinator is starting</h1>
<p>It ${doing}. This page goes on by itself.</p>
<script>${reload}</script>
</html>
`;
}
