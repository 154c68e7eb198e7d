// The administrator's controls over HTTP: who may ask, what a request may be, and what it is answered with.
import type { IncomingMessage } from 'node:http';
import * as v from 'valibot';
import {
  type ControlFault,
  type ControlKind,
  type ControlRequest,
  controlFaults,
  controlKinds,
  controlRequests,
} from '../shared/controls.ts';
import { rejectReasons } from '../shared/protocol.ts';
import type { ControlVerdict } from './controls.ts';
import type { Gate } from './gate.ts';
import { isFromHere, type OwnAddress } from './origin.ts';
import { type Route, refusalOf, type Visit } from './routes.ts';

export interface ControlRoutesOptions extends Omit<OwnAddress, 'isSecure'> {
  readonly gate: Gate;
  /** With it, it speaks TLS. */
  readonly tls?: object;
}

/** Undefined until there is a run. */
type Control = (request: ControlRequest) => ControlVerdict | undefined;

const path = '/api/v1/controls';
/** A name and a reason, with room to spare. */
const maxBodyBytes = 4096;

export function controlRoutes(options: ControlRoutesOptions, control: Control): Route[] {
  /** Whether somebody is an administrator at all: for pages, which show the controls to nobody else. */
  const offer: Route = {
    path,
    answer: (visit) => {
      const fault = strangerFault(visit.request, options);
      if (fault) return answerFault(visit, fault);
      answerJson(visit, 200, { controls: controlKinds });
    },
    answerOtherMethod: (visit) =>
      answerFault(
        visit,
        methodFault(visit, `POST to ${path}/pause, or to another of its controls.`),
      ),
  };
  const controls: Route = {
    path: new RegExp(`${path}/([^/]*)`),
    method: 'POST',
    answer: async (visit) => {
      const verdict = await verdictOn(visit, options, control);
      if (verdict.ok) answerJson(visit, 200, verdict.event);
      else answerFault(visit, verdict.fault);
    },
    answerOtherMethod: (visit) => answerFault(visit, methodFault(visit, 'Send a POST.')),
  };
  return [offer, controls];
}

async function verdictOn(
  visit: Visit,
  options: ControlRoutesOptions,
  control: Control,
): Promise<ControlVerdict> {
  const { request, parameters } = visit;
  const stranger = strangerFault(request, options);
  if (stranger) return { ok: false, fault: stranger };
  const [name] = parameters;
  if (!isControl(name)) {
    const hint = `There are ${controlKinds.join(', ')}.`;
    return { ok: false, fault: fault('kind', 'There is no such control.', hint) };
  }
  const body = await bodyOf(request);
  if (body === undefined) {
    const message = `The body is larger than ${maxBodyBytes} bytes.`;
    visit.response.setHeader('connection', 'close');
    return { ok: false, fault: fault('size', message, 'Send a shorter reason.') };
  }
  const parsed = v.safeParse(controlRequests[name], parseJson(body));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const place = v.getDotPath(issue as v.BaseIssue<unknown>) ?? 'the body';
    const message = `The body is not one of ${name}: ${place}: ${issue.message}`;
    return { ok: false, fault: fault('body', message, `It is JSON, such as ${examples[name]}.`) };
  }
  const asked = { kind: name, ...parsed.output } as ControlRequest;
  return control(asked) ?? { ok: false, fault: notYet };
}

const examples: Readonly<Record<ControlKind, string>> = {
  pause: '{}',
  resume: '{}',
  stop: '{}',
  checkpoint: '{}',
  rate: '{"rate":0.05}',
  expel: '{"worker":"w3","reason":"too slow"}',
};

function methodFault({ request }: Visit, hint: string): ControlFault {
  return fault('method', `Nothing is done here by ${request.method}.`, hint);
}

const notYet = fault('busy', 'The run is not announced yet.', 'Ask again in a moment.');

/** Pages of other sites are none of an administrator's, also where they may take part. */
function strangerFault(
  request: IncomingMessage,
  { gate, tls, ...own }: ControlRoutesOptions,
): ControlFault | undefined {
  if (!isFromHere(request.headers, { ...own, isSecure: tls !== undefined })) {
    return fault('origin', `Refused: ${rejectReasons.origin}.`, 'Use the page of the coordinator.');
  }
  const reason = refusalOf(request, 'administer', gate);
  if (reason === undefined) return undefined;
  if (reason === 'public') {
    return fault(
      'scope',
      `Refused: ${rejectReasons.public}.`,
      'Start it with links: without --open.',
    );
  }
  const isScope = reason === 'token-scope';
  const what = isScope ? 'this link does not administer the run' : rejectReasons[reason];
  return fault(isScope ? 'scope' : 'token', `Refused: ${what}.`, administerHint);
}

const administerHint =
  'The link to administer is in links.json in the run folder; show its token as "Authorization: Bearer TOKEN".';

function isControl(name: string): name is ControlKind {
  return Object.hasOwn(controlRequests, name);
}

/** Undefined when it is too large, whose rest is not read, and when its sender hung up: nobody hears that answer. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    // Without destroying the connection, over which it is answered.
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      bytes += piece.length;
      if (bytes > maxBodyBytes) return undefined;
      pieces.push(piece);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces).toString();
}

function parseJson(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fault(code: ControlFault['code'], message: string, hint: string): ControlFault {
  return { code, message, hint };
}

function answerFault(visit: Visit, error: ControlFault): void {
  const status = controlFaults[error.code];
  if (status === 401) visit.response.setHeader('www-authenticate', 'Bearer');
  answerJson(visit, status, { error });
}

function answerJson({ response }: Visit, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(value)}\n`);
}
