// A browser without Playwright, which keeps every tab in sight and forwards all of its frames: that a tab is hidden or
// frozen, and how fast it is, shows only here.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { type TestScope, temporaryFolder } from '../support.ts';
import { findChromium } from './find-chromium.ts';

export interface BareTab {
  /** A command of the DevTools protocol. */
  send(method: string, parameters?: object): Promise<unknown>;
  /** What an expression of JavaScript comes to, by value. */
  evaluate(expression: string): Promise<unknown>;
}

export interface BareBrowser {
  /** In front of all others of its window, which are hidden then. */
  openTab(address: string): Promise<BareTab>;
}

interface Reply {
  readonly id?: number;
  readonly result: unknown;
  readonly error?: { readonly message: string };
}

interface Evaluated {
  readonly result: { readonly value: unknown };
}

export async function openBareBrowser(t: TestScope): Promise<BareBrowser> {
  const { executablePath, env } = (await findChromium())!;
  const profile = `--user-data-dir=${temporaryFolder(t)}`;
  const flags = ['--headless', '--no-sandbox', profile, '--remote-debugging-pipe'];
  const browser = spawn(executablePath, flags, {
    env,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  t.onTestFinished(async () => {
    browser.kill('SIGKILL');
    await once(browser, 'close');
  });
  const [, , , commands, replies] = browser.stdio as unknown as [
    null,
    null,
    null,
    Writable,
    Readable,
  ];
  const awaited = new Map<number, (reply: Reply) => void>();
  let unread = '';
  replies.setEncoding('utf8').on('data', (text: string) => {
    const messages = (unread + text).split('\0');
    unread = messages.pop()!;
    for (const message of messages) {
      const reply: Reply = JSON.parse(message);
      if (reply.id !== undefined) awaited.get(reply.id)?.(reply);
    }
  });

  let lastId = 0;
  async function send<Result>(method: string, params: object, sessionId?: string): Promise<Result> {
    const id = ++lastId;
    const reply = new Promise<Reply>((resolve) => awaited.set(id, resolve));
    commands.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result, error } = await reply;
    awaited.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result as Result;
  }

  return {
    openTab: async (url) => {
      const { targetId } = await send<{ targetId: string }>('Target.createTarget', { url });
      const session = { targetId, flatten: true };
      const { sessionId } = await send<{ sessionId: string }>('Target.attachToTarget', session);
      return {
        send: (method, parameters = {}) => send(method, parameters, sessionId),
        evaluate: async (expression) => {
          const parameters = { expression, awaitPromise: true, returnByValue: true };
          const { result } = await send<Evaluated>('Runtime.evaluate', parameters, sessionId);
          return result.value;
        },
      };
    },
  };
}
