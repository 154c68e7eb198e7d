// Before the tests: built once, the pages need not be built by every coordinator that one of them starts.
import { openPages } from '../deploy/pages/built.ts';

export async function setup(): Promise<void> {
  await openPages();
}
