// An administrator's request to a coordinator, and its answer.
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { text } from 'node:stream/consumers';
import * as v from 'valibot';
import { type ControlFault, type ControlRequest, controlFaultSchema } from '../shared/controls.ts';
import { type RunEventOf, runEventSchema } from '../shared/events.ts';
import { agentFor } from '../worker/pinned-agent.ts';
import { tlsFault } from '../worker/tls-fault.ts';
import type { Destination } from './coordinator-url.ts';
import { CliError, type ExitCode } from './exit-codes.ts';
import { nearest } from './suggest.ts';
import { sanitize } from './terminal/format.ts';

const patienceMs = 10_000;

/** The event that tells of it. Throws CliError when it was not done. */
export async function askControl(
  to: Destination,
  { kind, ...body }: ControlRequest,
): Promise<RunEventOf<'control'>> {
  const { url } = to;
  const [status, answer] = await post(to, kind, JSON.stringify(body)).catch((cause: Error) => {
    const why = tlsFault(cause) ?? 'nobody answers there';
    throw new CliError('refused', `${url} cannot be reached: ${why}.`, {
      hint: 'Check the address, and that the run goes on.',
      cause,
    });
  });
  const event = v.safeParse(runEventSchema, answer);
  if (status === 200 && event.success && event.output.type === 'control') return event.output;
  const fault = v.safeParse(controlFaultSchema, answer);
  if (fault.success) throw errorOf(fault.output.error, 'worker' in body ? body.worker : '');
  throw new CliError('failure', `${url} has no controls: it answers with status ${status}.`, {
    hint: 'Update tutti on the machine of the coordinator.',
  });
}

async function post(
  { url, token, tlsFingerprint }: Destination,
  kind: string,
  body: string,
): Promise<readonly [number | undefined, object]> {
  const isSecure = url.startsWith('https:');
  const send = isSecure ? requestTls : request;
  const sending = send(`${url}/api/v1/controls/${kind}`, {
    method: 'POST',
    agent: isSecure ? agentFor(tlsFingerprint) : undefined,
    timeout: patienceMs,
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
  });
  sending.on('timeout', () => sending.destroy(new Error('it does not answer')));
  sending.end(body);
  const [response]: IncomingMessage[] = await once(sending, 'response');
  return [response.statusCode, parseObject(await text(response))];
}

function errorOf({ code, message, hint, known = [] }: ControlFault, wanted: string): CliError {
  const meant = nearest(wanted, known);
  const advice = meant === undefined ? hint : `Did you mean "${meant}"? ${hint}`;
  return new CliError(exits[code], sanitize(message), { hint: sanitize(advice) });
}

const exits: Readonly<Record<ControlFault['code'], ExitCode>> = {
  token: 'refused',
  scope: 'refused',
  origin: 'refused',
  kind: 'usage',
  method: 'usage',
  body: 'usage',
  size: 'usage',
  worker: 'usage',
  ambiguous: 'usage',
  paused: 'failure',
  moving: 'failure',
  over: 'failure',
  busy: 'failure',
  disk: 'failure',
  starting: 'failure',
};

function parseObject(json: string): object {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
