import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';

/**
 * A program of its own, inside the rack: `short-image-server.ts FILE ADDRESS:PORT` promises the whole file and never sends
 * more than its first half, whatever range is asked for.
 */
const [file = '', listen = ''] = process.argv.slice(2);
const [address, port] = listen.split(':');
const { size } = statSync(file);
const half = Math.floor(size / 2);

createServer((request, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.writeHead(from > 0 ? 206 : 200, {
    'content-length': size - from,
    etag: '"half"',
    ...(from > 0 ? { 'content-range': `bytes ${from}-${size - 1}/${size}` } : {}),
  });
  process.stdout.write(`${request.method} ${request.url} from ${from} of ${size}\n`);
  response.flushHeaders();
  const hangUp = () => void response.socket?.end();
  if (from >= half) return hangUp();
  createReadStream(file, { start: from, end: half - 1 })
    .on('end', hangUp)
    .pipe(response, { end: false });
}).listen(Number(port), address);
