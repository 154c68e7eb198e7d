// A block of training data as HTTP sends it: compressed for whoever takes that.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DataBlock } from './data-blocks.ts';

/** Resolves with the bytes of the block that are sent. */
export async function answerWithBlock(
  request: IncomingMessage,
  response: ServerResponse,
  block: DataBlock,
): Promise<number> {
  const gzipped = takesGzip(request) ? await block.gzipped() : undefined;
  const body = gzipped ?? block.bytes;
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    'content-length': body.length,
    ...(gzipped !== undefined && { 'content-encoding': 'gzip' }),
    vary: 'accept-encoding',
    // The address is the content: it can never change. But whoever asks a proxy shows it no token.
    'cache-control': 'private, max-age=31536000, immutable',
  });
  response.end(body);
  return body.length;
}

/** As RFC 9110 has it in 12.5.3: a weight of 0 is a refusal, and a star stands for what is not named. */
export function takesGzip({ headers }: IncomingMessage): boolean {
  const codings = (headers['accept-encoding'] ?? '').toLowerCase().split(',');
  const weights = new Map(
    codings.map((coding) => {
      const [name, weight = '1'] = coding.trim().split(/\s*;\s*q\s*=\s*/);
      return [name, Number(weight)];
    }),
  );
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;
}
