// The promise on screen: what the ledger counts in this epoch, and the hash of the weights after each one.
import type { RunEventOf } from '../../../shared/events.ts';
import { integer } from '../join/wording.ts';
import { epochs, view } from './store.ts';

export function Guarantee({ run }: { readonly run: RunEventOf<'run'> }) {
  const { progress } = view.value;
  const { trainSamples } = run.config.shape;
  const { seen, twice } = progress?.ledger ?? { seen: 0, twice: 0 };
  const isOver = progress !== undefined && progress.step === progress.stepsPerEpoch;
  return (
    <section class="card guarantee" aria-labelledby="guarantee-title">
      <h2 id="guarantee-title">Each image once</h2>
      <p class="hint">This epoch, as the ledger counts it:</p>
      <dl class="ledger">
        <div>
          <dt>seen</dt>
          <dd>
            {integer(seen)} <span class="of">of {integer(trainSamples)}</span>
          </dd>
        </div>
        <div class={isOver && seen < trainSamples ? 'wrong' : 'right'}>
          <dt>lost</dt>
          <dd>{isOver ? integer(trainSamples - seen) : 0}</dd>
        </div>
        <div class={twice > 0 ? 'wrong' : 'right'}>
          <dt>twice</dt>
          <dd>{integer(twice)}</dd>
        </div>
      </dl>
      <Epochs />
    </section>
  );
}

const maxShown = 200;

function Epochs() {
  if (epochs.value.length === 0) return null;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section class="scroll hashes" tabIndex={0} aria-label="Epochs">
      <table>
        <thead>
          <tr>
            <th scope="col">epoch</th>
            <th scope="col">seen</th>
            <th scope="col">lost</th>
            <th scope="col">twice</th>
            <th scope="col">weights’ hash</th>
          </tr>
        </thead>
        <tbody>
          {epochs.value
            .slice(-maxShown)
            .toReversed()
            .map(({ epoch, ledger, weightsHash }) => (
              <tr key={epoch}>
                <td>{epoch}</td>
                <td>{integer(ledger.seen)}</td>
                <td>{integer(ledger.lost)}</td>
                <td>{integer(ledger.twice)}</td>
                <td>
                  <code title={weightsHash}>{weightsHash.slice(0, 10)}</code>
                </td>
              </tr>
            ))}
        </tbody>
      </table>
    </section>
  );
}
