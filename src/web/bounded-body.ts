/** Reads a body from outside into bounded memory, also where it is compressed. */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { FetchFailed, messageOf } from './fetch-failed.ts';

/**
 * @param encoding the Content-Encoding, null for none
 * @param maxBytes of what is sent and of what it decompresses to
 * @throws FetchFailed `too_large` or `encoding`
 */
export async function readBody(
  stream: AsyncIterable<Buffer>,
  encoding: string | null,
  maxBytes: number,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of stream) {
    received += chunk.length;
    if (received > maxBytes) throw new FetchFailed('too_large', `more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return decompress(Buffer.concat(chunks), encoding?.toLowerCase() ?? 'identity', maxBytes);
}

function decompress(body: Buffer, encoding: string, maxBytes: number): Buffer {
  const options = { maxOutputLength: maxBytes };
  try {
    switch (encoding) {
      case 'identity':
        return body;
      case 'gzip':
      case 'x-gzip':
        return gunzipSync(body, options);
      case 'deflate':
        return inflateSync(body, options);
      case 'br':
        return brotliDecompressSync(body, options);
    }
  } catch (error) {
    throw new FetchFailed('encoding', messageOf(error), error);
  }
  throw new FetchFailed('encoding', `content-encoding ${encoding}`);
}
