// SHA-256 in a browser: its own where the page came over TLS or from this machine, else in plain JavaScript.

/** In hex. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  // Undefined without a secure context, whatever the compiler's library says.
  const subtle: SubtleCrypto | undefined = globalThis.crypto.subtle;
  return hexOf(
    subtle === undefined
      ? await plainSha256(bytes)
      : new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)),
  );
}

async function plainSha256(bytes: Uint8Array): Promise<Uint8Array> {
  return (await import('./plain-sha256.ts')).sha256(bytes);
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
