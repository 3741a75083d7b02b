import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { JsonObject } from '../../core/base/json.ts';
import { FLAVOR, isStatus, startComputeRig } from '../compute/compute-rig.ts';
import { until } from '../core/flow-rig.ts';

/** Run in namespaces of its own by `metadata.test.ts`; prints what two machines saw. */
export interface Seen {
  readonly servers: { readonly ann: string; readonly bob: string };
  readonly uuids: Readonly<Record<string, string>>;
  readonly claims: Readonly<Record<string, string>>;
  readonly routes: string;
  /** Of ann's machine: the body, or the status of a refusal. */
  readonly paths: Readonly<Record<string, string>>;
  readonly cloudInit: {
    readonly metadata: JsonObject;
    readonly userdata: string;
    readonly vendordata: JsonObject;
    readonly networkdata: JsonObject;
    readonly ec2: JsonObject;
  };
  readonly afterDeletion: string;
  readonly addressAfterEnd: string;
}

const [ramdisk, cloudInit] = process.argv.slice(2) as [string, string];
const run = promisify(execFile);
const work = mkdtempSync(join(tmpdir(), 'rackwright-metadata-'));
const ip = (...args: string[]) => run('ip', args);
const inside = async (space: string, command: string, ...args: string[]) =>
  (await run('ip', ['netns', 'exec', space, command, ...args])).stdout;
const SECRET = 'between proxy and server';
const SERVICE = 'http://169.254.169.254';

const DHCP_SCRIPT = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
set -- $staticroutes
while [ -n "$1" ]; do ip route add "$1" via "$2" dev "$interface"; shift 2; done
`;

const CLOUD_INIT = `
import json, sys
from cloudinit.sources import DataSourceOpenStack
from cloudinit.sources.helpers import ec2
found = DataSourceOpenStack.read_metadata_service('${SERVICE}')
found['ec2'] = ec2.get_instance_metadata(metadata_address='${SERVICE}')
plain = lambda value: value.decode('latin1') if isinstance(value, bytes) else str(value)
wanted = ('metadata', 'userdata', 'vendordata', 'networkdata', 'ec2')
print(json.dumps({name: found[name] for name in wanted}, default=plain))
`;

async function wire(): Promise<void> {
  await run('mount', ['--make-rprivate', '/']);
  // Names of namespaces are files, which would outlive this program.
  await run('mkdir', ['-p', '/run/netns']);
  await run('mount', ['-t', 'tmpfs', 'names', '/run/netns']);
  await ip('link', 'add', 'boot0', 'type', 'bridge');
  await ip('address', 'add', '10.77.0.1/24', 'dev', 'boot0');
  await ip('link', 'set', 'boot0', 'up');
  for (const [at, space] of ['m1', 'm2', 'm3'].entries()) {
    await ip('netns', 'add', space);
    await ip('link', 'add', `to-${space}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space);
    await ip('link', 'set', `to-${space}`, 'master', 'boot0', 'up');
    await ip('-n', space, 'link', 'set', 'eth0', 'address', `52:54:00:77:00:0${at + 1}`, 'up');
  }
  await ip('-n', 'm3', 'address', 'add', '10.77.0.77/24', 'dev', 'eth0');
  await ip('-n', 'm3', 'route', 'add', '169.254.169.254', 'via', '10.77.0.1');
}

function configure(): string {
  const path = join(work, 'serve.yaml');
  writeFileSync(join(work, 'vendor.json'), '{"motd": "be kind"}');
  writeFileSync(join(work, 'proxy-secret'), `${SECRET}\n`);
  writeFileSync(
    path,
    `boot:
  ramdisk_cache: ${ramdisk}
  networks:
    - {name: provisioning, cidr: 10.77.0.0/24, interface: boot0, server_address: 10.77.0.1, gateway: 10.77.0.254,
       pools: [10.77.0.50-10.77.0.69], metadata: true, probe_addresses: false}
metadata: {vendor_data_file: ${join(work, 'vendor.json')}, listen: "127.0.0.1:8775", proxy_secret_file: ${join(work, 'proxy-secret')}}
`,
  );
  return path;
}

/** The body, or the status of a refusal. */
async function curl(space: string | undefined, url: string, ...more: string[]): Promise<string> {
  const words = ['-s', '-g', '--max-time', '30', '-w', '\n%{http_code}', ...more, url];
  const { stdout } = await (space === undefined ? run('curl', words) : run('ip', ['netns', 'exec', space, 'curl', ...words]));
  const at = stdout.lastIndexOf('\n');
  const status = stdout.slice(at + 1);
  return status === '200' ? stdout.slice(0, at) : status;
}

async function uuidOf(space: string | undefined, headers: Readonly<Record<string, string>> = {}, base = SERVICE): Promise<string> {
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const text = await curl(space, `${base}/openstack/latest/meta_data.json`, ...given);
  return text.startsWith('{') ? (JSON.parse(text) as { uuid: string }).uuid : text;
}

async function look(): Promise<Seen> {
  await wire();
  const rig = await startComputeRig({ args: ['--config', configure()] });
  const [annsTenant, bobsTenant] = [await rig.tenant('ann'), await rig.tenant('bob')];
  const made: Record<string, string> = {};
  for (const [name, tenant, mac] of [
    ['ann', annsTenant, '52:54:00:77:00:01'],
    ['bob', bobsTenant, '52:54:00:77:00:02'],
  ] as const) {
    const [node] = await rig.machines(1);
    await rig.baremetal('POST', '/ports', { node_uuid: node, address: mac });
    await rig.expect(201, tenant.token, 'POST', '/os-keypairs', { keypair: { name: 'key', type: 'ssh', public_key: PUBLIC_KEY } }, '2.91');
    const server = {
      name: 's',
      flavorRef: FLAVOR,
      imageRef: rig.image,
      networks: [{ uuid: tenant.network }],
      key_name: 'key',
      user_data: Buffer.from(`#!/bin/sh\necho ${name}\n`).toString('base64'),
      ...(name === 'ann' ? { personality: [{ path: '/etc/a', contents: Buffer.from('a file').toString('base64') }] } : {}),
    };
    // The last version in which files are put into a server.
    const told = await rig.expect(202, tenant.token, 'POST', '/servers', { server }, '2.56');
    made[name] = String(told['server']!['id']);
    await rig.until(tenant.token, made[name], isStatus('ACTIVE'));
  }
  const { ann, bob } = made as { ann: string; bob: string };
  writeFileSync(join(work, 'dhcp'), DHCP_SCRIPT);
  chmodSync(join(work, 'dhcp'), 0o755);
  for (const space of ['m1', 'm2'])
    await inside(space, 'udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-s', join(work, 'dhcp'), '-O', 'staticroutes');
  // A lease is on its way to the tables for a moment.
  const uuids = {
    m1: await until('the first lease', async () => (await uuidOf('m1')).length > 3 && uuidOf('m1')),
    m2: await until('the second lease', async () => (await uuidOf('m2')).length > 3 && uuidOf('m2')),
  };
  const sign = (instance: string) => createHmac('sha256', SECRET).update(instance).digest('hex');
  const asProxy = { 'X-Instance-ID': bob, 'X-Tenant-ID': bobsTenant.projectId };
  const [, addressOfBob] = /inet (\S+)\//.exec(await inside('m2', 'ip', '-4', 'address', 'show', 'eth0'))!;
  const proxied = 'http://127.0.0.1:8775';
  const claims = {
    forwarded: await uuidOf('m1', { 'X-Forwarded-For': addressOfBob! }),
    instance: await uuidOf('m1', asProxy),
    badSignature: await uuidOf('m1', { ...asProxy, 'X-Instance-ID-Signature': sign(ann) }),
    signed: await uuidOf(undefined, { ...asProxy, 'X-Instance-ID-Signature': sign(bob) }, proxied),
    signedForOther: await uuidOf(
      undefined,
      { ...asProxy, 'X-Tenant-ID': annsTenant.projectId, 'X-Instance-ID-Signature': sign(bob) },
      proxied,
    ),
    proxyPortUnsigned: await uuidOf(undefined, asProxy, proxied),
    stranger: await uuidOf('m3'),
  };
  const paths: Record<string, string> = {};
  for (const path of PATHS) paths[path] = await curl('m1', `${SERVICE}${path}`);
  paths['POST /openstack/latest/meta_data.json'] = await curl('m1', `${SERVICE}/openstack/latest/meta_data.json`, '-d', 'x');
  const crawled = await inside('m1', 'env', `PYTHONPATH=${cloudInit}`, '/usr/bin/python3', '-c', CLOUD_INIT);
  const routes = await inside('m1', 'ip', 'route');
  await rig.expect(204, annsTenant.token, 'DELETE', `/servers/${ann}`);
  await rig.untilGone(annsTenant.token, ann);
  const afterDeletion = await uuidOf('m1');
  await rig.close();
  const { stdout: addressAfterEnd } = await run('ip', ['-o', 'address', 'show', 'to', '169.254.169.254']);
  const seen = { servers: { ann, bob }, uuids, claims, routes, paths, afterDeletion, addressAfterEnd };
  return { ...seen, cloudInit: JSON.parse(crawled) as Seen['cloudInit'] };
}

const PATHS = [
  '/openstack/latest/user_data',
  '/latest/user-data',
  '/openstack/latest/vendor_data.json',
  '/openstack/2013-04-04',
  '/openstack/content/0000',
  '/2009-04-04/meta-data/public-keys/',
  '/2009-04-04/meta-data/public-keys/0/openssh-key',
  '/2009-04-04/meta-data/instance-type',
  '/1.0/meta-data/instance-type',
  '/openstack/latest/nothing',
];
const PUBLIC_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3sD0uVvXcSlXcmWMDJ2b8PDLBEeGfBOYkyTKcPQQ6A key';

process.stdout.write(JSON.stringify(await look()));
rmSync(work, { recursive: true, force: true });
process.exit(0);
