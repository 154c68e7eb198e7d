// Samples a second over the last moments, so that a pause shows and an old one is forgotten.

const windowMs = 3000;

export class Meter {
  readonly #marks: { readonly at: number; readonly total: number }[] = [];
  #total = 0;

  add(samples: number, now: number): void {
    // The window starts with the first commit, which took an unknown time.
    if (this.#marks.length > 0) this.#total += samples;
    this.#marks.push({ at: now, total: this.#total });
    while (this.#marks[0].at < now - windowMs && this.#marks.length > 2) this.#marks.shift();
  }

  /** 0 while it is unknown. */
  perSecond(now: number): number {
    const first = this.#marks.at(0);
    if (first === undefined || now <= first.at) return 0;
    return (1000 * (this.#total - first.total)) / (now - first.at);
  }
}
