// What the first layer over varying inputs needs in WebAssembly SIMD: four inputs at a time, as tables of `InputLayout` say.
import type { Code } from '../../../shared/wasm/encoding.ts';
import { assembleGuest } from '../../../shared/wasm/guest.ts';
import {
  add,
  increase,
  isLess,
  type Local,
  load,
  set,
  subtract,
  vector,
  whileLoop,
} from '../../../shared/wasm/instructions.ts';
import { bits, floats, narrow as narrowed } from '../../../shared/wasm/lanes.ts';
import { type AssembledFunction, assembleFunction } from '../../../shared/wasm/module.ts';
import { copyEntry, gapEntry, lanes, wordBytes } from './input-layout.ts';

const vectorBytes = lanes * wordBytes;
/** Both, where they begin and end. */
const tables = ['copies', 'copiesEnd', 'gaps', 'gapsEnd'] as const;

/** Every argument is an address, or the bytes from one row to the next; `...End` is the first byte behind. */
export interface NarrowKernel {
  /** Sets bits of `marks`, a row of bytes, where a row of images has others than `first`. Rows are 16 bytes or longer. */
  mark(
    images: number,
    imagesEnd: number,
    imageBytes: number,
    first: number,
    marks: number,
    marksEnd: number,
  ): void;
  /** One row an image: pixel * factor - 1 of the inputs that vary. */
  scale(
    images: number,
    imagesEnd: number,
    imageBytes: number,
    scaled: number,
    scaledRow: number,
    copies: number,
    copiesEnd: number,
  ): void;
  /** One row a unit: the weights of varying inputs, and four sums of the others times their values. */
  gather(
    weights: number,
    weightsEnd: number,
    weightsRow: number,
    gathered: number,
    gatheredRow: number,
    copies: number,
    copiesEnd: number,
    gaps: number,
    gapsEnd: number,
    sums: number,
  ): void;
  /** The way back: each row of `spread` has the gathered ones and, elsewhere, its slope times the input's value. */
  spread(
    gathered: number,
    gatheredEnd: number,
    gatheredRow: number,
    spread: number,
    spreadRow: number,
    copies: number,
    copiesEnd: number,
    gaps: number,
    gapsEnd: number,
    slopes: number,
  ): void;
}

/** `pixelFactor` is rounded to float32. */
export function assembleNarrowKernel(pixelFactor: number): Uint8Array {
  return assembleGuest([
    markFunction(),
    scaleFunction(pixelFactor),
    gatherFunction(),
    spreadFunction(),
  ]);
}

function markFunction(): AssembledFunction {
  return assembleFunction(
    'mark',
    ['images', 'imagesEnd', 'imageBytes', 'first', 'marks', 'marksEnd'],
    ({ images, imagesEnd, imageBytes, first, marks, marksEnd }, newLocal) => {
      const [place, last] = [newLocal('i32'), newLocal('i32')];
      const differences = (): Code => {
        const [here, there] = [add(images, place), add(first, place)];
        return bits.xor(vector.load(here, 0), vector.load(there, 0));
      };
      const markAt = add(marks, place);
      const markNext: Code[] = [
        vector.store(markAt, bits.or(vector.load(markAt, 0), differences()), 0),
      ];
      return [
        set(last, subtract(subtract(marksEnd, marks), vectorBytes)),
        whileLoop(
          isLess(images, imagesEnd),
          set(place, 0),
          whileLoop(isLess(place, last), ...markNext, increase(place, vectorBytes)),
          // Reaches back over some once more, rather than beyond the row.
          set(place, last),
          ...markNext,
          increase(images, imageBytes),
        ),
      ];
    },
  );
}

function scaleFunction(pixelFactor: number): AssembledFunction {
  return assembleFunction(
    'scale',
    ['images', 'imagesEnd', 'imageBytes', 'scaled', 'scaledRow', 'copies', 'copiesEnd'],
    ({ images, imagesEnd, imageBytes, scaled, scaledRow, copies, copiesEnd }, newLocal) => {
      const cursor = newLocal('i32');
      const [factor, one] = [newLocal('v128'), newLocal('v128')];
      const pixels = (): Code =>
        floats.ofWords(narrowed.loadFourBytes(placeIn(images, cursor, copyEntry.input)));
      return [
        set(factor, floats.constant(pixelFactor)),
        set(one, floats.constant(1)),
        whileLoop(
          isLess(images, imagesEnd),
          ...each(cursor, [copies, copiesEnd], copyEntry, [
            vector.store(
              placeIn(scaled, cursor, copyEntry.narrow),
              floats.subtract(floats.multiply(pixels(), factor), one),
              0,
            ),
          ]),
          increase(images, imageBytes),
          increase(scaled, scaledRow),
        ),
      ];
    },
  );
}

function gatherFunction(): AssembledFunction {
  return assembleFunction(
    'gather',
    ['weights', 'weightsEnd', 'weightsRow', 'gathered', 'gatheredRow', ...tables, 'sums'],
    (at, newLocal) => {
      const cursor = newLocal('i32');
      const [sum, zero] = [newLocal('v128'), newLocal('v128')];
      return [
        whileLoop(
          isLess(at.weights, at.weightsEnd),
          ...each(cursor, [at.copies, at.copiesEnd], copyEntry, [
            copyFour(
              placeIn(at.gathered, cursor, copyEntry.narrow),
              placeIn(at.weights, cursor, copyEntry.wide),
            ),
          ]),
          set(sum, zero),
          ...each(cursor, [at.gaps, at.gapsEnd], gapEntry, [
            set(
              sum,
              vector.multiplyAdd(
                vector.load(placeIn(at.weights, cursor, gapEntry.wide), 0),
                vector.load(cursor, gapEntry.terms * wordBytes),
                sum,
              ),
            ),
          ]),
          vector.store(at.sums, sum, 0),
          increase(at.sums, vectorBytes),
          increase(at.weights, at.weightsRow),
          increase(at.gathered, at.gatheredRow),
        ),
      ];
    },
  );
}

function spreadFunction(): AssembledFunction {
  return assembleFunction(
    'spread',
    ['gathered', 'gatheredEnd', 'gatheredRow', 'spread', 'spreadRow', ...tables, 'slopes'],
    (at, newLocal) => {
      const cursor = newLocal('i32');
      const slope = newLocal('v128');
      return [
        whileLoop(
          isLess(at.gathered, at.gatheredEnd),
          set(slope, vector.loadSplat(at.slopes)),
          // These may reach into varying inputs, so they come first.
          ...each(cursor, [at.gaps, at.gapsEnd], gapEntry, [
            vector.store(
              placeIn(at.spread, cursor, gapEntry.wide),
              floats.multiply(vector.load(cursor, gapEntry.values * wordBytes), slope),
              0,
            ),
          ]),
          ...each(cursor, [at.copies, at.copiesEnd], copyEntry, [
            copyFour(
              placeIn(at.spread, cursor, copyEntry.wide),
              placeIn(at.gathered, cursor, copyEntry.narrow),
            ),
          ]),
          increase(at.slopes, wordBytes),
          increase(at.gathered, at.gatheredRow),
          increase(at.spread, at.spreadRow),
        ),
      ];
    },
  );
}

/** Where an entry says, in a row that begins at `row`. */
function placeIn(row: Local, entry: Local, field: number): Code {
  return add(row, load(entry, field * wordBytes));
}

function copyFour(to: Code, from: Code): Code {
  return vector.store(to, vector.load(from, 0), 0);
}

/** `body` for the entries of a table. */
function each(
  cursor: Local,
  [first, end]: readonly [Local, Local],
  { words }: { readonly words: number },
  body: Code[],
): Code[] {
  return [
    set(cursor, first),
    whileLoop(isLess(cursor, end), ...body, increase(cursor, words * wordBytes)),
  ];
}
