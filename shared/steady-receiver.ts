// How `ws` puts a message together from the pieces in which it came, but in memory that is used again: each message of
// megabytes in fresh memory costs more, in pages and in garbage, than everything that is done with it.

/** A receiver of `ws`, whose members these are: private, but the same since its first versions. */
interface Receiver {
  /** What came and was not consumed yet. */
  readonly _buffers: readonly Uint8Array[];
  /** The next so many bytes, which have all come: a view of the first piece, or fresh memory. */
  consume(count: number): Uint8Array;
}

/**
 * More than one piece of what a socket reads at once. So before the next such message of a connection there comes
 * another turn of the loop, and what was to be done with this one has been done.
 */
const largeBytes = 1 << 16;

/**
 * Messages of more than 64 KiB of this socket come in the memory that `place` has for so many bytes, if it has any, and
 * stay there only while they are handled: the next one, of whatever socket, may lie in the same place.
 */
export function receiveInPlace(
  webSocket: object,
  place: (bytes: number) => Uint8Array | undefined,
): void {
  const { _receiver: receiver } = webSocket as { readonly _receiver?: Receiver };
  if (receiver === undefined) throw new Error('this version of ws has no receiver where it was');
  const consume = receiver.consume.bind(receiver);
  receiver.consume = (count) => {
    const memory = count > largeBytes ? place(count) : undefined;
    if (memory === undefined) return consume(count);
    for (let at = 0; at < count; ) {
      const piece = consume(Math.min(count - at, receiver._buffers[0].length));
      memory.set(piece, at);
      at += piece.length;
    }
    return memory;
  };
}
