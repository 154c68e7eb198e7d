// A site that has nothing to do with the coordinator.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestScope } from '../support.ts';

/** Resolves to its address, at which there is this page. */
export async function serveElsewhere(t: TestScope, page: () => string): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html', 'access-control-allow-origin': '*' });
    response.end(page());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
