import { hostname, networkInterfaces } from 'node:os';
import { freePort } from '../../coordinator/free-port.ts';
import { createGate, type Gate, openGate } from '../../coordinator/gate.ts';
import { ownUrls } from '../../coordinator/own-url.ts';
import { Relay } from '../../coordinator/relay.ts';
import type { BlockName } from '../../coordinator/relayed-blocks.ts';
import { linkTo } from '../../shared/join-link.ts';
import { bringBlock } from '../../worker/data-store.ts';
import { auto } from '../../worker/engines/choose.ts';
import { newsText, type WorkerNews } from '../../worker/news.ts';
import { type NodeConnection, nodeConnection } from '../../worker/node-connection.ts';
import { addressError } from '../address-error.ts';
import { type Admission, isLoopback, prepareAdmission } from '../admission.ts';
import { admissionOptions, guestOptions } from '../admission-options.ts';
import { auditOptions, auditRateOf } from '../audit-options.ts';
import { defineCommand } from '../command.ts';
import { type Destination, parseDestination } from '../coordinator-url.ts';
import { CliError, type ExitCode } from '../exit-codes.ts';
import { statusOfGuest } from '../guest-ending.ts';
import { onInterrupt } from '../interrupt.ts';
import { createRelayAuditor } from '../relay-audits.ts';
import { limitsOf, originsOf, refuseImpossiblePort, serveOptions } from '../serve-options.ts';
import { command } from '../terminal/invitation.ts';
import { permanentLines } from '../terminal/lines.ts';
import { createLog, type Log, logFormatOption } from '../terminal/log.ts';
import { createStyle } from '../terminal/style.ts';
import { worker } from './worker.ts';

const defaultPort = 7071;
const { 'link-expires': _, tokens: __, ...ownAdmission } = admissionOptions;

export const relay = defineCommand({
  usage: 'relay <url>',
  describe: 'Lead workers of your own as one worker of a coordinator, or of another relay',
  positionals: {
    url: { type: 'string', describe: 'The link that the coordinator printed', demandOption: true },
  },
  options: {
    name: worker.options.name,
    ...guestOptions,
    cache: worker.options.cache,
    audit: {
      ...auditOptions.audit,
      describe: 'Part of the answers of its workers that it computes again; who lies is expelled',
    },
    host: serveOptions.host,
    port: { ...serveOptions.port, defaultDescription: `${defaultPort}` },
    'shared-memory': serveOptions['shared-memory'],
    'allow-origin': serveOptions['allow-origin'],
    ...ownAdmission,
    'max-connections': serveOptions['max-connections'],
    'join-timeout': serveOptions['join-timeout'],
    'max-messages': serveOptions['max-messages'],
    'log-format': logFormatOption,
  },
  examples: [
    ["$0 relay 'http://lab:7070/#t=TOKEN' --host 0.0.0.0", 'Let a room join through this machine'],
    ['$0 worker http://127.0.0.1:7071', 'Join the relay of this machine'],
  ],
  async run({ url, name, cache, audit, logFormat, ...flags }) {
    const log = createLog(logFormat);
    const auditRate = auditRateOf(audit);
    const upstream = parseDestination(url, flags);
    refuseImpossiblePort(flags.port);
    const limits = limitsOf(flags);
    const origins = originsOf(flags);
    const admission = await prepareAdmission({
      ...flags,
      linkExpires: undefined,
      tokens: undefined,
    });
    const gate = gateOf(admission, upstream, flags.host);
    const port = await portFor(flags.host, flags.port);
    refuseItself(upstream.url, flags.host, port);
    for (const warning of admission.warnings) log.warn(`warning: ${warning}`);
    for (const line of invitation({ ...admission, host: flags.host }, upstream, port))
      log.info(line);
    const { connect, blocks } = nodeConnection(
      { ...upstream, name, cacheDirectory: cache },
      'relay',
    );
    const style = createStyle(process.stdout, process.env);
    const tell = (news: WorkerNews): void => {
      const text = newsText(news);
      if (text !== undefined) log.info(text);
    };
    const audits = auditRate > 0 ? createRelayAuditor(auditRate, auto) : undefined;
    const here = new Relay({
      connect,
      audits,
      bringBlock: (block) => bring(block, blocks),
      host: flags.host,
      port,
      publicUrl: admission.publicUrl,
      tls: admission.tls,
      gate,
      limits,
      sharedMemory: flags.sharedMemory,
      origins,
      onConnected: (isAgain) => tell({ kind: 'connected', isAgain }),
      onAway: (why) => tell({ kind: 'away', why }),
      onNews: (news) => {
        const event = { ...news, seq: 0, time: new Date().toISOString() };
        for (const line of permanentLines(event, style)) log.info(line);
      },
    });
    const status = endOf(here, log, upstream.url, { host: flags.host, port });
    return status.finally(audits?.close);
  },
});

async function endOf(
  here: Relay,
  log: Log,
  url: string,
  { host, port }: { host: string; port: number },
): Promise<ExitCode> {
  let isInterrupted = false;
  const ignore = onInterrupt(() => {
    isInterrupted = true;
    here.leave('its process was asked to end');
  });
  const ending = await here.ending;
  ignore();
  if (isInterrupted) return 'interrupted';
  if (ending.kind !== 'failed') return statusOfGuest('relay', ending, url, log);
  const { error } = ending;
  throw addressError((error as NodeJS.ErrnoException).code, host, port, error);
}

/** Where others reach it, it asks for what it was asked for itself: one link lets in at both. */
function gateOf({ isGuarded }: Admission, { token }: Destination, host: string): Gate {
  if (!isGuarded) return openGate;
  if (token !== undefined) return createGate([{ token, scope: 'work' }]);
  throw new CliError('usage', `--host ${host}: everybody who reaches this relay could compute.`, {
    hint: 'Join with a link that has a token, which it then asks for, too, or say --open.',
  });
}

/** A relay that is its own upstream would wait for itself. */
function refuseItself(url: string, host: string, port: number): void {
  const upstream = new URL(url);
  const name = upstream.hostname.replace(/^\[|\]$/g, '');
  const isAnyAddress = host === '0.0.0.0' || host === '::';
  const ownNames = Object.values(networkInterfaces()).flatMap((addresses = []) => {
    return addresses.map(({ address }) => address);
  });
  const isHere = isAnyAddress
    ? isLoopback(name) || [...ownNames, hostname().toLowerCase()].includes(name)
    : name === host || (isLoopback(name) && isLoopback(host));
  if (!isHere || port !== Number(upstream.port || (upstream.protocol === 'https:' ? 443 : 80)))
    return;
  throw new CliError('usage', `${url} is the address of this relay itself.`, {
    hint: 'Give it the address of the coordinator, or another port of its own with --port.',
  });
}

/** On this machine alone any port will do, unless the user asked for one. */
async function portFor(host: string, wanted: number | undefined): Promise<number> {
  const port = wanted ?? defaultPort;
  try {
    return await freePort(host, port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' && wanted === undefined && isLoopback(host)) return freePort(host, 0);
    throw addressError(code, host, port, error);
  }
}

/** A token is shown to a terminal alone. */
function invitation(
  admission: Admission & { readonly host: string },
  { url, token }: Destination,
  port: number,
): string[] {
  const { tls, isGuarded } = admission;
  const own = ownUrls(admission, port).url;
  const isShown = isGuarded && token !== undefined && process.stdout.isTTY;
  const address = isShown ? `'${linkTo(own, '/', token)}'` : own;
  const fingerprint = tls?.isSelfSigned ? tls.fingerprint : undefined;
  return [
    `this relay computes for ${url}`,
    `Workers join with: ${command('worker', address, { fingerprint })}`,
    ...(isGuarded && !isShown ? ['They need the token that this relay has.'] : []),
  ];
}

function bring(block: BlockName, blocks: NodeConnection['blocks']): Promise<Uint8Array> {
  const who = `Block ${block.sha256.slice(0, 8)} of the training data`;
  const { signal } = new AbortController();
  return new Promise((resolve, reject) => {
    bringBlock(who, block, blocks, signal, resolve).catch(reject);
  });
}
