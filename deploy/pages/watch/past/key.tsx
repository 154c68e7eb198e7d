// How the curves of a run are drawn: the colour and dashes of its place.
import { colours } from './past-store.ts';

/** Without a place it is the run on screen. */
export function Key({ place }: { readonly place?: number }) {
  const isOther = place !== undefined;
  return (
    <svg class="key" viewBox="0 0 28 8" aria-hidden="true">
      <path
        d="M1 4h26"
        class={isOther ? `run-${place % colours}` : undefined}
        stroke-dasharray={isOther ? dashesOf(place)?.join(' ') : undefined}
      />
    </svg>
  );
}

/** Those that have a colour first have it whole. */
export function dashesOf(place: number): number[] | undefined {
  return place < colours ? undefined : [6, 3];
}
