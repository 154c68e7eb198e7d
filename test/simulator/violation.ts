/** A promise that was not kept. */
class Violation extends Error {
  override readonly name = 'Violation';
}

export function violated(message: string): never {
  throw new Violation(message);
}
