// SHA-256 in a browser: its own where the page came over TLS or from this machine, else in plain JavaScript.

/** In hex. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  // Undefined without a secure context, whatever the compiler's library says.
  const subtle: SubtleCrypto | undefined = globalThis.crypto.subtle;
  // A part of its own, so that only pages without a secure context fetch it.
  if (subtle === undefined) return (await import('./plain-sha256.ts')).sha256(bytes);
  const digest = await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
