// Runs a codec's own WebAssembly over whole blocks of values: in the memory where they lie, if that is a kernel's, else
// piece by piece through a small one. The rest of the values, and all where there is no WebAssembly, are for plain loops.
import { GuestModule } from '../vectors/guest-module.ts';
import { roomFor, VectorMemory } from '../vectors/memory.ts';

/**
 * `end` is the address of the first byte behind the values. `draw` numbers what is done at random; the bytes of an
 * encoded vector come in one part or two.
 */
interface BlockFunctions {
  encode(values: number, end: number, draw: number, ...parts: number[]): void;
  decode(values: number, end: number, ...parts: number[]): void;
  round(values: number, end: number, draw: number): void;
}

export interface BlockKernelOptions {
  /** Values in a block. */
  readonly blockLength: number;
  /** Bytes of a block in each part of the encoded vector. */
  readonly partBytes: readonly number[];
  /** A guest with the functions `encode`, `decode` and `round`. */
  readonly assemble: () => Uint8Array;
}

/** A multiple of every block; so many values and their bytes stay in a processor's nearest cache. */
const pieceLength = 4096;

type Parts = readonly Uint8Array[];

/** A piece of a vector, and where its bytes belong. */
interface Piece {
  readonly values: Float32Array;
  readonly parts: Parts;
}

export class BlockKernel {
  readonly #options: BlockKernelOptions;
  readonly #module: GuestModule<BlockFunctions>;
  #desk: Piece | undefined;

  constructor(options: BlockKernelOptions) {
    this.#options = options;
    this.#module = new GuestModule(options.assemble);
  }

  /** Each returns how many values it did. `drawAt` says where the draws of a value begin, which begins a block. */
  encode(values: Float32Array, parts: Parts, drawAt: (at: number) => number = noDraw): number {
    return this.#eachPiece({ values, parts }, (functions, piece, desk, first) => {
      if (desk !== piece) desk.values.set(piece.values);
      functions.encode(...rangeOf(desk), drawAt(first), ...addressesOf(desk));
      if (desk !== piece) copyParts(desk, piece);
    });
  }

  decode(values: Float32Array, parts: Parts): number {
    return this.#eachPiece({ values, parts }, (functions, piece, desk) => {
      if (desk !== piece) copyParts(piece, desk);
      functions.decode(...rangeOf(desk), ...addressesOf(desk));
      if (desk !== piece) piece.values.set(desk.values);
    });
  }

  round(values: Float32Array, drawAt: (at: number) => number = noDraw): number {
    return this.#eachPiece({ values, parts: [] }, (functions, piece, desk, first) => {
      if (desk !== piece) desk.values.set(piece.values);
      functions.round(...rangeOf(desk), drawAt(first));
      if (desk !== piece) piece.values.set(desk.values);
    });
  }

  /** `desk` is the same as `piece` where that lies in a kernel's memory already. */
  #eachPiece(
    whole: Piece,
    work: (functions: BlockFunctions, piece: Piece, desk: Piece, first: number) => void,
  ): number {
    const { blockLength } = this.#options;
    const { length } = whole.values;
    const end = length - (length % blockLength);
    if (end === 0) return 0;
    const inPlace = this.#functionsFor(whole);
    if (inPlace !== undefined) {
      const piece = this.#slice(whole, 0, end);
      work(inPlace, piece, piece, 0);
      return end;
    }
    this.#desk ??= this.#createDesk();
    const functions = this.#functionsFor(this.#desk);
    if (functions === undefined) return 0;
    for (let first = 0; first < end; first += pieceLength) {
      const piece = this.#slice(whole, first, Math.min(first + pieceLength, end));
      work(functions, piece, this.#slice(this.#desk, 0, piece.values.length), first);
    }
    return end;
  }

  #slice({ values, parts }: Piece, start: number, end: number): Piece {
    const { blockLength, partBytes } = this.#options;
    return {
      values: values.subarray(start, end),
      parts: parts.map((part, at) => {
        const perBlock = partBytes[at];
        return part.subarray((start / blockLength) * perBlock, (end / blockLength) * perBlock);
      }),
    };
  }

  #functionsFor({ values, parts }: Piece): BlockFunctions | undefined {
    return this.#module.functionsFor(values, ...parts);
  }

  #createDesk(): Piece {
    const { blockLength, partBytes } = this.#options;
    const blocks = pieceLength / blockLength;
    const valuesBytes = pieceLength * Float32Array.BYTES_PER_ELEMENT;
    const sizes = partBytes.map((perBlock) => blocks * perBlock);
    const bytes = [valuesBytes, ...sizes].reduce((sum, size) => sum + roomFor(size), 0);
    const memory = new VectorMemory(bytes);
    const values = memory.floats(pieceLength);
    return { values, parts: sizes.map((size) => memory.bytes(size)) };
  }
}

function noDraw(): number {
  return 0;
}

function rangeOf({ values: { byteOffset, byteLength } }: Piece): [start: number, end: number] {
  return [byteOffset, byteOffset + byteLength];
}

function addressesOf({ parts }: Piece): number[] {
  return parts.map(({ byteOffset }) => byteOffset);
}

function copyParts(from: Piece, to: Piece): void {
  for (const [at, part] of from.parts.entries()) to.parts[at].set(part);
}
