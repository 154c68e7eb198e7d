// Where a Chromium is: one of this machine, else the one that an npm package brings for Linux on x86-64.
import { existsSync } from 'node:fs';

export interface FoundChromium {
  readonly executablePath: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Where Linux, macOS and Windows have one. */
const usualPlaces = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

const hasPackage = process.platform === 'linux' && process.arch === 'x64';

/** `CHROMIUM` names another one. The package unpacks itself the first time: not several at once. */
export async function findChromium(): Promise<FoundChromium | undefined> {
  const { CHROMIUM, ...env } = process.env;
  const here = CHROMIUM ?? usualPlaces.find((path) => existsSync(path));
  if (here !== undefined) return { executablePath: here, env };
  return hasPackage ? unpackChromium() : undefined;
}

/** With the libraries that a bare machine lacks: it brings them when it takes this for a function of Amazon's. */
async function unpackChromium(): Promise<FoundChromium> {
  const before = { ...process.env };
  process.env.AWS_LAMBDA_JS_RUNTIME = 'nodejs22.x';
  const { default: chromium } = await import('@sparticuz/chromium');
  const executablePath = await chromium.executablePath();
  const env = { ...process.env };
  for (const name of Object.keys(env)) if (!(name in before)) delete process.env[name];
  return { executablePath, env };
}
