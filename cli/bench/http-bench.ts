import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startOurs, takeTurns, type Contender } from './bench-servers.ts';
import { makeBenchWire, SERVER_ADDRESS, type BenchServer } from './bench-wire.ts';
import { compare, type BenchRow, type Comparison, type ComparisonContext } from './comparison.ts';

/** Images over HTTP beside nginx with sendfile; both read from the page cache, the clients are curl. */
export const httpBench: Comparison = { name: 'http', summary: 'an image to one and to many clients, beside nginx with sendfile', run };

const OURS = 'ours';
const NGINX = 'nginx, sendfile';
const LISTENS = { protocol: 'tcp', port: 8080 } as const;
const IMAGE_MIB = 256;
/** All clients of a load together read this many copies. */
const COPIES = 16;
const CLIENTS = [1, 8];
const GOAL = 1.2;

const nginxConfiguration = (directory: string) => `
user root; worker_processes 2; daemon off; pid ${directory}/nginx.pid; error_log ${directory}/nginx.error;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; client_body_temp_path ${directory}/body;
  server { listen ${SERVER_ADDRESS}:${LISTENS.port}; root ${directory}/images; } }
`;

async function writeImage(path: string): Promise<void> {
  const file = await open(path, 'w');
  const piece = randomBytes(1 << 20);
  for (let i = 0; i < IMAGE_MIB; i += 1) await file.write(piece);
  await file.close();
}

async function run({ directory, rounds, onStep }: ComparisonContext): Promise<BenchRow[]> {
  await mkdir(join(directory, 'images'), { recursive: true });
  await mkdir(join(directory, 'files'), { recursive: true });
  await chmod(directory, 0o755);
  await writeImage(join(directory, 'images/image.raw'));
  await writeFile(join(directory, 'nginx.conf'), nginxConfiguration(directory));
  const wire = await makeBenchWire();
  const contenders: Contender[] = [
    { name: OURS, start: () => startOurs(wire, directory, LISTENS) },
    { name: NGINX, start: () => wire.startServer(['nginx', '-c', join(directory, 'nginx.conf')], { listens: LISTENS }) },
  ];
  const pathOf = (server: BenchServer, name: string) =>
    name === OURS ? `/images/${/token (\S+)/.exec(server.output())?.[1]}/image.raw` : '/image.raw';
  const load = async (server: BenchServer, { name }: Contender, round: number) => {
    const costs = new Map<number, number>();
    const url = `http://${SERVER_ADDRESS}:${LISTENS.port}${pathOf(server, name)}`;
    for (const clients of CLIENTS) {
      onStep(`http, ${clients} at once: ${name}, round ${round + 1}`);
      const copies = Array.from({ length: COPIES / clients }, () => ['-o', '/dev/null', url]).flat();
      const work = () =>
        Promise.all(Array.from({ length: clients }, () => wire.load(['curl', '--fail', '--silent', '--show-error', ...copies])));
      const { cpuMs } = await server.costOfWork(work);
      costs.set(clients, cpuMs / 1000 / ((IMAGE_MIB * COPIES) / 1024));
    }
    return costs;
  };
  try {
    const results = await takeTurns(contenders, rounds, load);
    return CLIENTS.map((clients) => {
      const of = (name: string) => results.get(name)!.map((costs) => costs.get(clients)!);
      const figure = `HTTP image, ${clients} client${clients === 1 ? '' : 's'}, CPU`;
      return compare({ figure, unit: 's/GiB', peerName: NGINX, goal: GOAL }, of(OURS), of(NGINX));
    });
  } finally {
    await wire.remove();
  }
}
