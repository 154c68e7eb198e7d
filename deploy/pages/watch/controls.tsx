// What an administrator may do with the run; nobody else sees it.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { control, isAdministrator, learnRights, outcome } from './control.ts';
import { isOver, isPaused, learningRate, run } from './store.ts';

export function Controls() {
  useEffect(() => void learnRights(), []);
  if (!isAdministrator.value || isOver.value) return null;
  return (
    <section class="card controls" aria-labelledby="controls-title">
      <h2 id="controls-title">Controls</h2>
      <div class="toolbar">
        <button
          type="button"
          onClick={() => control({ kind: isPaused.value ? 'resume' : 'pause' })}
        >
          {isPaused.value ? 'Resume' : 'Pause'}
        </button>
        <button type="button" onClick={() => control({ kind: 'checkpoint' })}>
          Checkpoint now
        </button>
        <RateForm />
        <button type="button" class="grave" onClick={stop}>
          Stop the run
        </button>
      </div>
      <p role="status" class={outcome.value?.isDone === false ? 'wrong' : undefined}>
        {outcome.value?.text}
      </p>
    </section>
  );
}

function RateForm() {
  const wanted = useSignal('');
  const isConstant = run.value?.config.schedule.name === 'constant';
  const inUse = learningRate.value;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void control({ kind: 'rate', rate: Number(wanted.value) });
      }}
    >
      <label>
        {isConstant ? 'learning rate' : 'learning rate before the schedule'}
        <input
          type="number"
          min={0}
          step="any"
          required
          inputMode="decimal"
          placeholder={inUse === undefined || !isConstant ? '' : inUse.toPrecision(3)}
          value={wanted.value}
          onInput={({ currentTarget }) => {
            wanted.value = currentTarget.value;
          }}
        />
      </label>
      <button type="submit">Set</button>
    </form>
  );
}

function stop(): void {
  const question = 'Stop the run for all? It writes a checkpoint, and can be resumed from there.';
  if (confirm(question)) void control({ kind: 'stop' });
}

/** A cell of the table of workers. */
export function ExpelButton({ worker, name }: { readonly worker: string; readonly name: string }) {
  const expel = (): void => {
    const reason = prompt(`Send ${name} away? It is told this reason:`, '');
    if (reason !== null) void control({ kind: 'expel', worker, reason });
  };
  return (
    <button type="button" class="grave" aria-label={`Expel ${name}`} onClick={expel}>
      Expel
    </button>
  );
}
