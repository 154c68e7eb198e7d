/** A `fetch` that shows the token with which its caller came in. */
export function withBearer(token: string | undefined, inner = globalThis.fetch): typeof fetch {
  if (token === undefined) return inner;
  const authorization = `Bearer ${token}`;
  return (input, init) => inner(input, { ...init, headers: { ...init?.headers, authorization } });
}
