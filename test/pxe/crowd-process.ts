/**
 * Many DHCP clients in one process and one network namespace. Commands are JSON lines on standard input, one at a time and family; answers
 * JSON lines on standard output: `{ "family": 4, "acquire": [first, count] }` and `{ "family": 6, "renew": [first, count] }` answer
 * `{ "family", "leases" }` with each client's address and server; clients are numbered, in each family by themselves.
 */
import { execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { openCrowd4 } from './crowd-dhcp4.ts';
import { openCrowd6 } from './crowd-dhcp6.ts';
import { type CrowdLease, INTERFACE } from './crowd-lease.ts';

const crowds = { 4: await openCrowd4(), 6: await openCrowd6() };
const leases = { 4: new Map<number, CrowdLease>(), 6: new Map<number, CrowdLease>() };

async function obey(command: { family: 4 | 6; acquire?: [number, number]; renew?: [number, number] }): Promise<CrowdLease[]> {
  const [first, count] = command.acquire ?? command.renew!;
  const [crowd, known] = [crowds[command.family], leases[command.family]];
  const clients = Array.from({ length: count }, (_each, at) => first + at);
  const got = await Promise.all(
    clients.map((client) => (command.acquire ? crowd.acquire(client) : crowd.renew(client, known.get(client)!))),
  );
  // The answer to a renewal over IPv4 is sent to the address itself; over IPv6 to the link-local one.
  if (command.acquire && command.family === 4)
    execFileSync('ip', ['-batch', '-'], { input: got.map(({ address }) => `addr add ${address}/32 dev ${INTERFACE}\n`).join('') });
  for (const lease of got) known.set(lease.client, lease);
  return got;
}

process.stdout.write('"ready"\n');
createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line) as Parameters<typeof obey>[0];
  const say = (answer: object) => process.stdout.write(`${JSON.stringify({ family: command.family, ...answer })}\n`);
  obey(command).then(
    (got) => say({ leases: got }),
    (error: Error) => say({ error: error.message }),
  );
});
