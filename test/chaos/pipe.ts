// One direction of one connection: a line of chunks that wait until they are due, if they pass at all.
import type { Socket } from 'node:net';
import type { Draw } from '../simulator/draw.ts';

export interface Conditions {
  /**
   * `stalled`: the connection stays and nothing passes. `halfway`: the same, once half of what comes
   * next has passed, so that a message is held in its middle.
   */
  readonly flow: 'open' | 'stalled' | 'halfway';
  /** Everything comes this much later. */
  readonly delayMs: number;
  readonly bytesPerSecond: number;
  /** One flipped bit in so many bytes, on average. */
  readonly bytesPerFlip: number;
}

export const clear: Conditions = {
  flow: 'open',
  delayMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  bytesPerFlip: Number.POSITIVE_INFINITY,
};

export interface PipeOptions {
  /** Those of the moment. */
  readonly conditions: () => Conditions;
  readonly draw: Draw;
  readonly onFlip: () => void;
}

interface Chunk {
  readonly bytes: Buffer;
  readonly dueAt: number;
}

/** As much as the sockets of a slow network would hold. */
const maxWaitingChunks = 64;

export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #options: PipeOptions;
  readonly #line: Chunk[] = [];
  #freeAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #isHalved = false;
  #isClosed = false;
  /** Bytes until the next flip; drawn when flipping begins. */
  #untilFlip: number | undefined;

  constructor(from: Socket, to: Socket, options: PipeOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    // What ended the connection comes out at the other side as its end.
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#isClosed = true;
      this.release();
    });
  }

  #take(bytes: Buffer): void {
    const { delayMs, bytesPerSecond } = this.#options.conditions();
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now) + (1000 * bytes.length) / bytesPerSecond;
    this.#line.push({ bytes, dueAt: this.#freeAt + delayMs });
    if (this.#line.length >= maxWaitingChunks) this.#from.pause();
    this.release();
  }

  /** Lets pass what may pass by now. */
  release(): void {
    clearTimeout(this.#timer);
    const { flow } = this.#options.conditions();
    if (flow === 'open') this.#isHalved = false;
    for (let first = this.#line.at(0); first !== undefined; first = this.#line.at(0)) {
      if (flow === 'stalled' || this.#isHalved) return;
      const waitMs = first.dueAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.release(), waitMs);
        return;
      }
      this.#line.shift();
      this.#write(flow === 'halfway' ? this.#halve(first) : first.bytes);
    }
    if (this.#isClosed && flow === 'open') this.#to.destroySoon();
    else this.#from.resume();
  }

  /** The first half; the rest waits. */
  #halve({ bytes, dueAt }: Chunk): Buffer {
    const middle = bytes.length >> 1;
    this.#line.unshift({ bytes: bytes.subarray(middle), dueAt });
    this.#isHalved = true;
    return bytes.subarray(0, middle);
  }

  #write(bytes: Buffer): void {
    this.#flipBits(bytes);
    if (!this.#to.destroyed) this.#to.write(bytes);
  }

  #flipBits(bytes: Buffer): void {
    const { draw, conditions, onFlip } = this.#options;
    const { bytesPerFlip } = conditions();
    if (!Number.isFinite(bytesPerFlip)) return;
    const drawDistance = () => draw.integer(0, 2 * bytesPerFlip);
    let at = this.#untilFlip ?? drawDistance();
    while (at < bytes.length) {
      bytes[at] ^= 1 << draw.integer(0, 7);
      onFlip();
      at += 1 + drawDistance();
    }
    this.#untilFlip = at - bytes.length;
  }
}
