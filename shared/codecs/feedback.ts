// Error feedback, for codecs that leave most of a gradient out: a worker keeps what it did not send and adds it to what
// it answers next. Each answer counts as the coordinator says: what was kept of one that is in no step is taken back,
// because somebody else computed its shards.
import type { AnsweredRun, Codec, Feedback } from '../contracts.ts';
import { VectorPool } from '../vectors/pool.ts';

interface Unsettled {
  readonly key: string;
  /** What was sent less what was computed: added, it makes what is kept as if there had been no answer. */
  readonly undoing: Float32Array;
}

export class ErrorFeedback implements Feedback {
  readonly #codec: Pick<Codec, 'encode' | 'decode'>;
  readonly #kept: Float32Array;
  readonly #sent: Float32Array;
  readonly #pool = new VectorPool();
  #unsettled: Unsettled[] = [];

  constructor(codec: Pick<Codec, 'encode' | 'decode'>, parameterCount: number) {
    this.#codec = codec;
    this.#kept = new Float32Array(parameterCount);
    this.#sent = new Float32Array(parameterCount);
  }

  encode(run: AnsweredRun, sum: Float32Array, bytes: Uint8Array): void {
    const kept = this.#kept;
    for (let at = 0; at < kept.length; at++) kept[at] += sum[at];
    // Nothing is done at random where what is lost comes back.
    this.#codec.encode(kept, bytes, 0);
    const sent = this.#codec.decode(bytes, this.#sent);
    const undoing = this.#pool.hold(sent);
    for (let at = 0; at < kept.length; at++) {
      kept[at] -= sent[at];
      undoing[at] -= sum[at];
    }
    this.#unsettled.push({ key: keyOf(run), undoing });
  }

  settle(run: AnsweredRun, counts: boolean): void {
    const key = keyOf(run);
    const at = this.#unsettled.findIndex((each) => each.key === key);
    if (at < 0) return;
    const [{ undoing }] = this.#unsettled.splice(at, 1);
    if (!counts) this.#add(undoing);
    this.#pool.giveBack([undoing]);
  }

  forget(): void {
    this.#kept.fill(0);
    this.#pool.giveBack(this.#unsettled.map(({ undoing }) => undoing));
    this.#unsettled = [];
  }

  #add(undoing: Float32Array): void {
    let sum = 0;
    for (let at = 0; at < undoing.length; at++) {
      this.#kept[at] += undoing[at];
      sum += this.#kept[at];
    }
    // It would be in every answer from now on.
    if (!Number.isFinite(sum)) this.#kept.fill(0);
  }
}

function keyOf({ version, start, length }: AnsweredRun): string {
  return `${version} ${start} ${length}`;
}
