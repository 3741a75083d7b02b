import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { resolvePackages, unpackPackages } from '../../deploy-agent/debian-packages.ts';
import type { Seen } from './two-machines.ts';

/**
 * Two machines, each in a network namespace, on one boot network: what each learns at 169.254.169.254, by curl and by cloud-init's own code, whatever it
 * says of itself. The control plane is in a namespace too, where it may have that address.
 */
const root = join(import.meta.dirname, '../..');
const cache = join(root, '.cache');
const run = promisify(execFile);
const TIMEOUT_MS = 10 * 60_000;

async function look(): Promise<Seen> {
  const packages = await resolvePackages(['cloud-init', 'python3-configobj', 'python3-serial'], join(cache, 'packages'));
  const cloudInit = join(await unpackPackages(packages, join(cache, 'packages')), 'usr/lib/python3/dist-packages');
  // From inside there is no way to Debian's packages.
  await run(join(root, 'rackwright'), ['ramdisk', 'build', '--cache', join(cache, 'ramdisk'), '--json']);
  const program = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'two-machines.ts')];
  const words = ['sh', '-c', 'ip link set lo up && exec "$0" "$@"', ...program, join(cache, 'ramdisk'), cloudInit];
  const spaces = ['--net', '--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'];
  const { stdout } = await run('unshare', [...spaces, ...words], { timeout: TIMEOUT_MS, maxBuffer: 64 * 2 ** 20 }).catch(
    (error: { stdout?: string; stderr?: string }) => {
      throw new Error(`two machines failed:\n${error.stdout ?? ''}\n${error.stderr?.slice(-4000) ?? ''}`);
    },
  );
  return JSON.parse(stdout) as Seen;
}

test('each machine learns its own, and nobody else’s', async () => {
  const seen = await look();
  const { ann, bob } = seen.servers;
  assert.deepEqual([seen.uuids['m1'], seen.uuids['m2']], [ann, bob]);
  assert.equal(seen.claims['forwarded'], ann, 'a machine’s own words about its address');
  assert.equal(seen.claims['instance'], ann, 'and about its instance');
  assert.equal(seen.claims['badSignature'], '403');
  assert.equal(seen.claims['signed'], bob, 'a proxy with the secret');
  assert.equal(seen.claims['signedForOther'], '404', 'but not for another project');
  assert.equal(seen.claims['proxyPortUnsigned'], '404');
  assert.equal(seen.claims['stranger'], '404');
  assert.match(seen.routes, /^default via 10\.77\.0\.254/m);
  assert.match(seen.routes, /^169\.254\.169\.254 via 10\.77\.0\.1/m);

  assert.deepEqual(
    [seen.paths['/openstack/latest/user_data'], seen.paths['/latest/user-data'], seen.paths['/openstack/latest/vendor_data.json']],
    ['#!/bin/sh\necho ann\n', '#!/bin/sh\necho ann\n', '{"motd":"be kind"}'],
  );
  assert.equal(seen.paths['/openstack/2013-04-04'], 'meta_data.json\nuser_data');
  assert.equal(seen.paths['/openstack/content/0000'], 'a file');
  assert.equal(seen.paths['/2009-04-04/meta-data/public-keys/'], '0=key');
  assert.match(seen.paths['/2009-04-04/meta-data/public-keys/0/openssh-key']!, /^ssh-/);
  assert.equal(seen.paths['/2009-04-04/meta-data/instance-type'], 'metal');
  assert.equal(seen.paths['/1.0/meta-data/instance-type'], '404');
  assert.equal(seen.paths['/openstack/latest/nothing'], '404');
  assert.equal(seen.paths['POST /openstack/latest/meta_data.json'], '405');

  const { metadata, userdata, vendordata, networkdata, ec2 } = seen.cloudInit;
  assert.deepEqual([metadata['uuid'], metadata['instance-id'], metadata['local-hostname']], [ann, ann, 's']);
  assert.deepEqual([userdata, vendordata], ['#!/bin/sh\necho ann\n', { motd: 'be kind' }]);
  assert.equal((networkdata['links'] as unknown[]).length, 1);
  assert.equal(ec2['hostname'], 's');
  assert.equal(seen.afterDeletion, '404');
  assert.equal(seen.addressAfterEnd, '', 'the address is given back');
});
