// `--sync auto`: who comes is measured before there is a run. Tells people how to come, and what it waits for.
import type { Gate } from '../coordinator/gate.ts';
import type { OpenPort } from '../coordinator/open-port.ts';
import { ownUrls } from '../coordinator/own-url.ts';
import type { Pages } from '../coordinator/pages.ts';
import { surveyLines } from '../coordinator/survey.ts';
import { defaultSurveyTimes, type MeasuredLine } from '../coordinator/survey-core.ts';
import type { RunConfig } from '../shared/config.ts';
import type { Dataset } from '../shared/contracts.ts';
import { linkTo } from '../shared/join-link.ts';
import type { Admission, Entry } from './admission.ts';
import { defaultExpectWorkers } from './run-options.ts';
import { limitsOf, originsOf, type ServeFlags } from './serve-options.ts';
import { formatCount } from './terminal/format.ts';
import { command } from './terminal/invitation.ts';
import { permanentLines } from './terminal/lines.ts';
import { logLine } from './terminal/log.ts';
import { createStyle } from './terminal/style.ts';

export interface Surveyed {
  readonly flags: ServeFlags;
  readonly admission: Admission;
  readonly at: OpenPort;
  readonly entry?: Entry;
  readonly gate: Gate;
  readonly pages: Promise<Pages>;
  readonly config: RunConfig;
  readonly dataset: Dataset;
}

/** Resolves to what was measured of those who answered in time: nobody waits for the others. */
export async function surveyBeforeRun(surveyed: Surveyed): Promise<readonly MeasuredLine[]> {
  const { flags, entry, at } = surveyed;
  const { print, isWatched, style } = printerOf(flags);
  const expectWorkers = flags.expectWorkers ?? defaultExpectWorkers;
  for (const line of invitation(surveyed, isWatched)) print(line);
  print(
    `Waiting for ${formatCount(expectWorkers, 'worker')}, to measure their lines before the run begins. ` +
      `${defaultSurveyTimes.gatherMs / 1000} s after the first one came, it begins without those who are not here.`,
  );
  return surveyLines({
    ...surveyed,
    ...surveyed.admission,
    host: flags.host,
    port: at.port,
    joinToken: entry?.tokens.work,
    expectWorkers,
    limits: limitsOf(flags),
    origins: originsOf(flags),
    runDirectory: flags.runs,
    onNews: (news) => {
      const event = { ...news, seq: 0, time: new Date().toISOString() };
      for (const line of permanentLines(event, style)) print(line);
    },
  });
}

/** A token is shown to a terminal alone, and its file is one of the run, which is not made yet. */
function invitation({ flags, admission, at, entry }: Surveyed, isWatched: boolean): string[] {
  const { url } = ownUrls({ ...admission, host: flags.host }, at.port);
  const { tls } = admission;
  const fingerprint = tls?.isSelfSigned ? tls.fingerprint : undefined;
  if (entry !== undefined && !isWatched) {
    return [`Workers may join at ${url} with a token of --tokens; other links come with the run.`];
  }
  const link = (path: '/' | '/join'): string =>
    entry === undefined ? url + path : linkTo(url, path, entry.tokens.work);
  const address = entry === undefined ? url : `'${link('/')}'`;
  return [
    `Browsers join at: ${link('/join')}`,
    `Workers join with: ${command('worker', address, { fingerprint })}`,
    ...(fingerprint === undefined ? [] : [`Certificate, SHA-256: ${fingerprint}`]),
  ];
}

/** The events of `--json` are those of the run, and begin with it. */
function printerOf({ json, quiet, logFormat }: ServeFlags) {
  const stream = json ? process.stderr : process.stdout;
  const isJson = logFormat === 'json';
  const print = (line: string): void => {
    if (isJson) process.stderr.write(logLine('info', line));
    else if (!quiet) stream.write(`${line}\n`);
  };
  const isWatched = stream.isTTY === true && !json && !isJson;
  return { print, isWatched, style: createStyle(isJson ? {} : stream, process.env) };
}
