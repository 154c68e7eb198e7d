// What happened, in words, the newest first; of some kinds or with some words when somebody asks for them.
import { useSignal } from '@preact/signals';
import type { RunEvent } from '../../../shared/events.ts';
import { clockText } from './format.ts';
import { eventText, type LogKind, logKindOf, logKinds } from './log-text.ts';
import { log } from './store.ts';

const maxShown = 200;

export function EventLog() {
  const kinds = useSignal<ReadonlySet<LogKind>>(new Set(logKinds));
  const words = useSignal('');
  const isWanted = (event: RunEvent): boolean =>
    kinds.value.has(logKindOf(event)) &&
    eventText(event).toLowerCase().includes(words.value.trim().toLowerCase());
  const toggle = (kind: LogKind): void => {
    const next = new Set(kinds.value);
    if (!next.delete(kind)) next.add(kind);
    kinds.value = next;
  };
  return (
    <section class="card log" aria-labelledby="log-title">
      <h2 id="log-title">What happened</h2>
      <div class="filters">
        {logKinds.map((kind) => (
          <label key={kind}>
            <input type="checkbox" checked={kinds.value.has(kind)} onChange={() => toggle(kind)} />
            {kind}
          </label>
        ))}
        <input
          type="search"
          aria-label="Words in the log"
          placeholder="with the words"
          onInput={({ currentTarget }) => {
            words.value = currentTarget.value;
          }}
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section class="scroll" tabIndex={0} aria-label="Events">
        <ol>
          {log.value
            .filter(isWanted)
            .slice(0, maxShown)
            .map((event) => (
              <li key={event.seq} class={logKindOf(event)}>
                <time dateTime={event.time}>{clockText(event.time)}</time> {eventText(event)}
              </li>
            ))}
        </ol>
      </section>
    </section>
  );
}
