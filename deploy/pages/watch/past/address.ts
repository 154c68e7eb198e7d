// What the address of the page tells of runs, so that whoever opens it sees the same: which one is on screen, and which
// are drawn beside it.

/** Names of runs by their places; empty where a place is free. */
export function besideIn(search: string): readonly string[] {
  return new URLSearchParams(search).get('beside')?.split(',') ?? [];
}

/** The same page with another one on screen, or with others beside it. The token stays. */
export function addressWith(change: {
  readonly run?: string;
  readonly beside?: readonly string[];
}): string {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(change)) query.set(name, String(value));
  if (query.get('beside') === '') query.delete('beside');
  // Names of runs have no comma.
  const text = query.toString().replaceAll('%2C', ',');
  return `${location.pathname}${text && `?${text}`}${location.hash}`;
}
