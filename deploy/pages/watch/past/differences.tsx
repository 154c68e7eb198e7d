// What differs between the configurations of the runs that are drawn.
import { differencesOf } from '../../../../shared/config-differences.ts';
import { cleanName } from '../../../../shared/names.ts';
import { shortName } from '../../join/wording.ts';
import { run } from '../store.ts';
import { Key } from './key.tsx';
import { compared } from './past-store.ts';

export function Differences() {
  const current = run.value;
  const own = current === undefined ? [] : [{ name: current.run, config: current.config }];
  const others = compared.value.map(({ past, place }) => ({
    name: past.run,
    config: past.config,
    place,
  }));
  const runs: readonly Side[] = [...own, ...others];
  if (others.length === 0 || runs.length < 2) return null;
  const rows = Object.entries(differencesOf(runs.map(({ config }) => config)));
  return (
    <>
      <h3>What differs</h3>
      {rows.length === 0 ? (
        <p class="hint">Nothing: their configurations are the same.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
        <section class="scroll" tabIndex={0} aria-label="What differs">
          <table class="differences">
            <thead>
              <tr>
                <th scope="col" class="text">
                  <span class="hidden">setting</span>
                </th>
                {runs.map(({ name, place }) => (
                  <th key={name} scope="col">
                    <Key place={place} />
                    {shortName(name)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(([path, values]) => (
                <tr key={path}>
                  <th scope="row" class="text">
                    {path}
                  </th>
                  {values.map((value, at) => (
                    <td key={runs[at].name}>{valueText(value)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}

interface Side {
  readonly name: string;
  readonly config: Parameters<typeof differencesOf>[0][number];
  /** Without one it is the run on screen. */
  readonly place?: number;
}

/** Names of classes among them, which may be anybody's. */
function valueText(value: unknown): string {
  return value === null ? '–' : cleanName(String(value), '–');
}
