// Places for large messages, used again and again: one that comes in fresh memory each time costs more, in pages and in
// garbage, than everything that is done with it.

export class MessagePlaces {
  readonly #count: number;
  readonly #create: (bytes: number) => Uint8Array;
  readonly #kept = new Set<Uint8Array>();
  #free: Uint8Array[] = [];
  /** Of messages that came in this turn of the loop, and may not have been handled yet. */
  #left: Uint8Array[] = [];

  /** At most `count` places are kept; what more messages at once need is made for them alone. */
  constructor(count: number, create: (bytes: number) => Uint8Array) {
    this.#count = count;
    this.#create = create;
  }

  /** At least so many bytes, until they are left. */
  take(bytes: number): Uint8Array {
    const at = this.#free.findIndex(({ length }) => length >= bytes);
    if (at >= 0) return this.#free.splice(at, 1)[0];
    // Those of another run were smaller.
    for (const place of this.#free) this.#kept.delete(place);
    this.#free = [];
    const place = this.#create(bytes);
    if (this.#kept.size < this.#count) this.#kept.add(place);
    return place;
  }

  /** The message that came there is whole: it is handled before the next turn begins. */
  leave(place: Uint8Array): void {
    if (this.#kept.has(place)) this.#left.push(place);
  }

  /** Something is read: whatever came before has been handled. */
  beginTurn(): void {
    if (this.#left.length > 0) this.#free.push(...this.#left.splice(0));
  }
}
