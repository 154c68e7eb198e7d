// Finds TensorFlow.js for Node. Its packages are native, large and optional: whoever wants the engine installs one.
import { createRequire } from 'node:module';
import util from 'node:util';
import type { TensorFlow } from './tensorflow.ts';

export interface NodeTensorFlow extends TensorFlow {
  backend(): { readonly isUsingGpuDevice: boolean };
}

/** As Node's `require`: both throw for what they do not find. */
export interface Require {
  (name: string): unknown;
  resolve(name: string): string;
}

/** In the order of preference. */
const packages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

/**
 * Their install scripts fetch TensorFlow itself, so they have to run. An optional peer of the project is not
 * installed on request unless it is said what it shall be; nothing is saved all the same.
 */
const install = 'npm install --no-save --save-prod --ignore-scripts=false';

/** What TensorFlow reads once, when it is loaded. What the user has set stays. */
const settings: Readonly<Record<string, string>> = {
  // A machine uses its cores by running a worker on each.
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
  // Several workers share a card: none may take all of its memory.
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  // TF32 multiplies with 10 bits of mantissa: newer cards would be a thousand times less exact than is promised.
  NVIDIA_TF32_OVERRIDE: '0',
  // What goes wrong comes as an error; here it would come twice.
  TF_CPP_MIN_LOG_LEVEL: '2',
};

/** Throws with what to install when no package is here, or when the one that is does not load. */
export function requireNodeTensorFlow(
  require: Require = createRequire(import.meta.url),
): NodeTensorFlow {
  const name = packages.find((candidate) => isInstalled(require, candidate));
  if (name === undefined) {
    const [gpu, cpu] = packages;
    throw new Error(
      `engine tfjs: TensorFlow.js is not installed here; ${install} ${gpu} brings it for NVIDIA cards, ` +
        `and ${cpu} in its place for machines without one`,
    );
  }
  for (const [key, value] of Object.entries(settings)) process.env[key] ??= value;
  restoreRemovedFunctions();
  try {
    return require(name) as NodeTensorFlow;
  } catch (cause) {
    const [reason] = (cause as Error).message.split(/[.:]? *\n/);
    throw new Error(
      `engine tfjs: ${name} does not load on this machine (${reason}); ` +
        `try npm rebuild --ignore-scripts=false ${name}, or choose another engine`,
      { cause },
    );
  }
}

function isInstalled(require: Require, name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Both packages call two functions that Node 22 warns of and Node 23 no longer has. */
function restoreRemovedFunctions(): void {
  Object.assign(util, {
    isArray: Array.isArray,
    isNullOrUndefined: (value: unknown) => value === undefined || value === null,
  });
}
