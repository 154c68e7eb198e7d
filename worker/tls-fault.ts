// Why a coordinator's certificate is not good enough: no further try would change that. In a browser nobody is told.

const unknown =
  'nobody whom this machine trusts vouches for its certificate; ' +
  'use the command that the coordinator printed, with its --tls-fingerprint';

/** By the code of the error of Node or OpenSSL; what stands behind "there:". */
const sentences: Readonly<Record<string, string>> = {
  ERR_TUTTI_PIN:
    'its certificate is not the one of --tls-fingerprint; use the command that the coordinator prints now',
  DEPTH_ZERO_SELF_SIGNED_CERT: unknown,
  SELF_SIGNED_CERT_IN_CHAIN: unknown,
  UNABLE_TO_GET_ISSUER_CERT: unknown,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknown,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknown,
  CERT_HAS_EXPIRED: 'its certificate has expired; whoever runs the coordinator must renew it',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; look at the clocks of both machines',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name; use the address that the coordinator printed',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; its address begins with http://',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS; its address begins with http://',
};

/** Of an error of a connection: undefined when the certificate is not to blame. */
export function tlsFault(error: unknown): string | undefined {
  const { code, error: inner, description } = (error ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof code === 'string') return sentences[code];
  const wrapped = description ?? inner;
  return wrapped === undefined ? undefined : tlsFault(wrapped);
}
