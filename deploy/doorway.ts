// How others come in at a coordinator, and how the worker processes of its own machine do.
import { type Gate, openGate, publicGate } from '../coordinator/gate.ts';
import type { OpenPort } from '../coordinator/open-port.ts';
import { ownUrls } from '../coordinator/own-url.ts';
import { type Admission, type Entry, entryOf, isLoopback } from './admission.ts';
import type { ServeFlags } from './serve-options.ts';
import type { WorkerCredentials } from './supervisor.ts';

/** For worker processes of this machine. */
export interface OwnDoor {
  readonly url: string;
  readonly credentials: WorkerCredentials;
  readonly warn: (message: string) => void;
}

export interface Doorway {
  /** Where nobody comes in without a link. */
  readonly entry?: Entry;
  readonly gate: Gate;
  readonly own: OwnDoor;
}

export interface DoorwayOptions {
  readonly flags: Pick<ServeFlags, 'host'>;
  readonly admission: Admission;
  readonly at: OpenPort;
}

/** `path` is the file of links of a run that may have some already. */
export function doorwayOf(
  { flags: { host }, admission, at }: DoorwayOptions,
  warn: (message: string) => void,
  path?: string,
): Doorway {
  const { publicUrl, tls, isGuarded, linksLastMs, tokens } = admission;
  const entry = isGuarded ? entryOf({ path, linksLastMs, given: tokens, warn }) : undefined;
  const isPrivate = publicUrl === undefined && isLoopback(host);
  return {
    entry,
    gate: entry?.gate ?? (isPrivate ? openGate : publicGate),
    own: {
      url: ownUrls({ ...admission, host }, at.port).localUrl,
      credentials: { token: entry?.ownToken, tlsFingerprint: tls?.fingerprint },
      warn,
    },
  };
}
