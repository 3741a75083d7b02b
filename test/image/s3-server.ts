import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../deploy-agent/native-command.ts';

/** Debian's Swift with its S3 API: an S3 server that we did not write, in four processes on loopback. */
export interface S3Server {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Stops answering, and answers again. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

const SECRET = 'testing-secret';
const READY_MS_MAX = 120_000;

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const common = (folder: string, port: number) => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = root
swift_dir = ${folder}
devices = ${join(folder, 'devices')}
mount_check = false
log_name = swift
log_udp_host = 127.0.0.1
log_udp_port = 9
`;

const backEnd = (kind: string) => `[pipeline:main]
pipeline = ${kind}-server
[app:${kind}-server]
use = egg:swift#${kind}
`;

const PROXY = `[pipeline:main]
pipeline = catch_errors cache listing_formats s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:9
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = ${SECRET} .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
`;

/** What `swift-ring-builder` does in nine runs. */
const RINGS = `
import sys
from swift.common.ring import RingBuilder
for kind, port in (part.split(':') for part in sys.argv[2:]):
    builder = RingBuilder(4, 1, 0)
    builder.add_dev({'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': int(port), 'device': 'd1', 'weight': 1,
                     'replication_ip': '127.0.0.1', 'replication_port': int(port)})
    builder.rebalance()
    builder.get_ring().save('%s/%s.ring.gz' % (sys.argv[1], kind))
`;

export async function startS3Server(): Promise<S3Server> {
  const folder = mkdtempSync(join(tmpdir(), 'rackwright-swift-'));
  await mkdir(join(folder, 'devices/d1'), { recursive: true });
  await writeFile(join(folder, 'swift.conf'), '[swift-hash]\nswift_hash_path_suffix = a\nswift_hash_path_prefix = b\n');
  const kinds = ['account', 'container', 'object'] as const;
  const [proxyPort, ...ports] = await freePorts(4);
  for (const [at, kind] of kinds.entries()) await writeFile(join(folder, `${kind}.conf`), common(folder, ports[at]!) + backEnd(kind));
  await runCommand('/usr/bin/python3', ['-c', RINGS, folder, ...kinds.map((kind, at) => `${kind}:${ports[at]}`)]);
  await writeFile(join(folder, 'proxy.conf'), common(folder, proxyPort!) + PROXY);
  const children = [...kinds, 'proxy'].map((kind) => startPart(kind, folder));
  const endpoint = `http://127.0.0.1:${proxyPort}`;
  const close = async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(async (child) => child.exitCode === null && child.signalCode === null && (await once(child, 'exit'))));
    rmSync(folder, { recursive: true, force: true });
  };
  await untilItAnswers([endpoint, ...ports.map((port) => `http://127.0.0.1:${port}`)], close);
  const signal = (name: NodeJS.Signals) => () => void children.at(-1)!.kill(name);
  return { endpoint, accessKey: 'test:tester', secretKey: SECRET, pause: signal('SIGSTOP'), resume: signal('SIGCONT'), close };
}

const startPart = (kind: string, folder: string): ChildProcess =>
  spawn('/usr/bin/python3', [`/usr/bin/swift-${kind}-server`, join(folder, `${kind}.conf`)], {
    stdio: 'ignore',
    env: { PATH: '/usr/bin:/bin', HOME: folder },
  });

async function untilItAnswers(endpoints: readonly string[], close: () => Promise<void>): Promise<void> {
  const giveUpAt = Date.now() + READY_MS_MAX;
  for (const endpoint of endpoints) {
    while ((await fetch(`${endpoint}/healthcheck`).catch(() => undefined)) === undefined) {
      if (Date.now() > giveUpAt) {
        await close();
        throw new Error(`Swift did not get ready at ${endpoint}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
