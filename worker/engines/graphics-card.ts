// Whether it is worth looking for a graphics card here.
import { existsSync } from 'node:fs';

/** Looking for one where there is none makes the driver's loader write to the terminal. */
export function hasGraphicsCard(): boolean {
  return process.platform !== 'linux' || ['/dev/dri', '/dev/dxg'].some((path) => existsSync(path));
}
