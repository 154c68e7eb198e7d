// When each of a relay's workers, by its name, first had a share in what the relay gave: whatever connection that was on.

/** Names come from strangers: once there are so many, all others are taken to have been there from the start. */
const maxNames = 10_000;

export class FirstShares {
  readonly #versions = new Map<string, number>();

  add(name: string, version: number): void {
    const first = this.#versions.get(name);
    const isNew = first === undefined && this.#versions.size < maxNames;
    // A run that went back comes to the same versions again.
    if (isNew || (first !== undefined && version < first)) this.#versions.set(name, version);
  }

  /** Version of the weights that it was computed at; undefined for who had none. */
  of(name: string): number | undefined {
    const isFull = this.#versions.size >= maxNames;
    return this.#versions.get(name) ?? (isFull ? 0 : undefined);
  }
}
