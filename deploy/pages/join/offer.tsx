// Before anything is computed: what it would be, for whom, and a button.
import type { RunEventOf } from '../../../shared/events.ts';
import type { RunView } from '../../../shared/run-view.ts';
import { purposeText, taskText } from './wording.ts';

interface OfferProps {
  readonly view: RunView;
  readonly run: RunEventOf<'run'>;
  readonly name: string;
  readonly onStart: (name: string) => void;
}

export function Offer({ view, run, name, onStart }: OfferProps) {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    onStart(String(form.get('name')));
  };
  return (
    <section class="offer">
      <h1>Help train a neural network</h1>
      <p class="lead">
        {taskText(run)} {purposeText(run, view.readyWorkers, location.hostname)}
      </p>
      <form onSubmit={submit}>
        <label for="name">Your name, as the others see it</label>
        <input id="name" name="name" maxLength={40} autocomplete="nickname" defaultValue={name} />
        <button type="submit" class="primary">
          Start
        </button>
      </form>
      <p class="hint">
        Computing takes power and warms the device. You can pause or leave whenever you like.
      </p>
    </section>
  );
}
