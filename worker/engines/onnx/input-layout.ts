// Where four inputs at a time lie among all and among those that vary, as tables that a kernel can read.
import { roomFor, type VectorMemory } from '../../../shared/vectors/memory.ts';
import type { Span } from './varying-inputs.ts';

export const lanes = 4;
/** Of an integer as of a float. */
export const wordBytes = 4;

/** Four inputs of a span. Where its parts are in an entry of the table, in words; they are integers. */
export const copyEntry = {
  /** The first one's index. */
  input: 0,
  /** Its byte in a row of all, and in one of those that vary. */
  wide: 1,
  narrow: 2,
  words: 3,
};

/** Four inputs among which are some of no span. */
export const gapEntry = {
  /** An integer: the first one's byte in a row of all. */
  wide: 0,
  /** Four float32: what they are in all images. */
  values: 4,
  /** The same for the sum over all inputs of no span: 0 for those of one, and for those of the entry before. */
  terms: 8,
  words: 12,
};

/** Entries of one length, whose words are integers or floats. */
export class Table {
  readonly floats: Float32Array;
  readonly integers: Int32Array;
  readonly #entryWords: number;
  #words = 0;

  constructor(memory: Pick<VectorMemory, 'floats'>, entryWords: number, mostEntries: number) {
    this.#entryWords = entryWords;
    this.floats = memory.floats(mostEntries * entryWords);
    const { buffer, byteOffset, length } = this.floats;
    this.integers = new Int32Array(buffer, byteOffset, length);
  }

  /** Addresses in the memory of a kernel. */
  get start(): number {
    return this.floats.byteOffset;
  }

  get end(): number {
    return this.start + this.#words * wordBytes;
  }

  clear(): void {
    this.#words = 0;
  }

  /** Returns the word at which the entry begins. */
  add(): number {
    const word = this.#words;
    this.#words += this.#entryWords;
    return word;
  }

  /** The words at which entries begin. */
  *entries(): Generator<number> {
    for (let word = 0; word < this.#words; word += this.#entryWords) yield word;
  }
}

export class InputLayout {
  /** Bytes of a memory. */
  static roomFor(inputs: number): number {
    const words = [copyEntry.words, gapEntry.words].map((each) => each * mostEntries(inputs));
    return words.reduce((sum, count) => sum + roomFor(count * wordBytes), 0);
  }

  readonly copies: Table;
  readonly gaps: Table;
  readonly #inputs: number;

  constructor(inputs: number, memory: Pick<VectorMemory, 'floats'>) {
    this.#inputs = inputs;
    this.copies = new Table(memory, copyEntry.words, mostEntries(inputs));
    this.gaps = new Table(memory, gapEntry.words, mostEntries(inputs));
  }

  /** `values` has one number an input: what it is in all images, where it does not vary. */
  arrange(spans: readonly Span[], values: Float32Array): void {
    this.copies.clear();
    this.gaps.clear();
    let [width, before] = [0, 0];
    for (const { start, end } of spans) {
      this.#addGap({ start: before, end: start }, values);
      for (const input of foursOf({ start, end }, end)) this.#addCopy(input, width + input - start);
      width += end - start;
      before = end;
    }
    this.#addGap({ start: before, end: this.#inputs }, values);
  }

  #addCopy(input: number, place: number): void {
    const { integers } = this.copies;
    const word = this.copies.add();
    integers[word + copyEntry.input] = input;
    integers[word + copyEntry.wide] = input * wordBytes;
    integers[word + copyEntry.narrow] = place * wordBytes;
  }

  #addGap(gap: Span, values: Float32Array): void {
    const { integers, floats } = this.gaps;
    let summed = gap.start;
    for (const input of foursOf(gap, this.#inputs)) {
      const word = this.gaps.add();
      integers[word + gapEntry.wide] = input * wordBytes;
      for (let lane = 0; lane < lanes; lane++) {
        const [at, isTerm] = [input + lane, input + lane >= summed && input + lane < gap.end];
        floats[word + gapEntry.values + lane] = values[at];
        floats[word + gapEntry.terms + lane] = isTerm ? values[at] : 0;
      }
      summed = input + lanes;
    }
  }
}

/** One for each four inputs, and one for each span or gap, where it ends. */
function mostEntries(inputs: number): number {
  return Math.ceil(inputs / 2) + lanes;
}

/** Where fours begin that cover the span. None reaches beyond `edge`: the last one may reach back instead. */
function* foursOf({ start, end }: Span, edge: number): Generator<number> {
  for (let at = start; at < end; at += lanes) yield Math.min(at, edge - lanes);
}
