// What the coordinator answers over HTTP: a list of routes, handed to the server by whoever has something to tell.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type RejectReason, rejectReasons } from '../shared/protocol.ts';
import type { Door, Gate } from './gate.ts';

/** An address, or a family of them, and what a request for it gets. */
export interface Route {
  /** Of the path without its query. An expression matches the whole of it; its groups are the parameters. */
  readonly path: string | RegExp;
  /** What a stranger needs a token for; everybody may see what has none. */
  readonly door?: Door;
  /** GET unless told. */
  readonly method?: 'GET' | 'POST';
  /** Whoever asks by another method gets one line of text unless told. */
  answerOtherMethod?(visit: Visit): void;
  answer(visit: Visit): void | Promise<void>;
}

export interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly parameters: readonly string[];
  readonly query: URLSearchParams;
}

export interface Listening {
  readonly gate: Gate;
  /** Other sites whose pages may read what is answered: `https://school.example`. */
  readonly origins?: readonly string[];
}

/** The first route that matches answers; where none does, there is nothing. */
export function answerFrom(
  routes: readonly Route[],
  { gate, origins = [] }: Listening,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    // Not as a URL: what a stranger asks for need not be one.
    const [path, search = ''] = (request.url ?? '/').split('?', 2);
    response.setHeader('x-content-type-options', 'nosniff');
    const { origin } = request.headers;
    if (origin !== undefined && origins.includes(origin)) {
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('access-control-allow-headers', 'authorization');
      // What a browser asks before it shows a token to another site than the page's.
      if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    }
    for (const route of routes) {
      const parameters = match(route.path, path);
      if (parameters === undefined) continue;
      const query = new URLSearchParams(search);
      return answerBy(route, { request, response, parameters, query }, gate);
    }
    answerNothing(response);
  };
}

function answerBy(route: Route, visit: Visit, gate: Gate): void {
  const { door, method = 'GET' } = route;
  const { request, response } = visit;
  if (request.method !== method) {
    response.setHeader('allow', method);
    if (route.answerOtherMethod) return route.answerOtherMethod(visit);
    return answerText(response, 405, `Ask for this with ${method}.`);
  }
  const refusal = door && refusalOf(request, door, gate);
  if (refusal !== undefined) return refuse(response, refusal);
  void route.answer(visit);
}

export function answerNothing(response: ServerResponse): void {
  answerText(response, 404, 'There is nothing here.');
}

/** One line. */
export function answerText(response: ServerResponse, status: number, line: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(`${line}\n`);
}

/** The token comes in a header: addresses are kept in logs. */
export function refusalOf(
  { headers, socket }: IncomingMessage,
  door: Door,
  gate: Gate,
): RejectReason | undefined {
  const [, token] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? [];
  return gate.refusal(token, door, socket.remoteAddress ?? '');
}

function refuse(response: ServerResponse, reason: RejectReason): void {
  response.setHeader('www-authenticate', 'Bearer');
  answerText(response, 401, `refused: ${rejectReasons[reason]}`);
}

function match(wanted: Route['path'], path: string): readonly string[] | undefined {
  if (typeof wanted === 'string') return wanted === path ? [] : undefined;
  const found = wanted.exec(path);
  return found?.[0] === path ? found.slice(1) : undefined;
}
