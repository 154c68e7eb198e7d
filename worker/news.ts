// What a worker has to tell of itself while it works: to people as lines, to a page as what it shows.

export type WorkerNews =
  /** `isAgain`: after it had lost its coordinator. */
  | { readonly kind: 'connected'; readonly isAgain: boolean }
  /** The coordinator knows it by this name; its data and its engine come next. */
  | { readonly kind: 'welcome'; readonly worker: string }
  /** The data is here: now the engine is proven. */
  | { readonly kind: 'proving' }
  | { readonly kind: 'ready'; readonly engine: string; readonly samplesPerSecond: number }
  | { readonly kind: 'standby'; readonly workers: number; readonly shards: number }
  /** An answer is on its way. */
  | { readonly kind: 'computed'; readonly samples: number }
  /** The connection is gone, and another one is being tried for. */
  | { readonly kind: 'away'; readonly why: string };

/** The line that a person should read; undefined for what comes too often, or means nothing without a page. */
export function newsText(news: WorkerNews): string | undefined {
  switch (news.kind) {
    case 'connected':
      return news.isAgain ? 'connected again' : 'connected';
    case 'standby':
      return `waiting as a spare: ${news.workers} workers for ${news.shards} shards a step`;
    case 'away':
      return `${news.why}; trying again until it works`;
    default:
      return undefined;
  }
}
