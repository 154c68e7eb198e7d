/** A request of this size costs little more than its bytes, and a part of a sixty-fourth of MNIST is not quite four. */
const fewestSamples = 250;
/** Their names have to fit into one message. */
const maxBlocks = 1000;

/** Images that travel together, neighbours in the order of the data: so many a block, fewer in the last. */
export function samplesPerBlock(samples: number): number {
  return Math.max(fewestSamples, Math.ceil(samples / maxBlocks));
}
