import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { runCommand } from '../deploy-agent/native-command.ts';
import { buildConfigDrive, encodeConfigDrive } from './configdrive-build.ts';

const content = {
  metaData: { uuid: 'i-1', hostname: 'web1', public_keys: { me: 'ssh-ed25519 AAAA me' } },
  userData: '#cloud-config\n{}\n',
  networkData: { links: [], networks: [], services: [] },
};

test('isoinfo and xorriso read the names and the content back', async () => {
  const work = await mkdtemp(join(tmpdir(), 'rackwright-iso-'));
  try {
    const file = join(work, 'config.iso');
    await writeFile(file, buildConfigDrive(content));
    const about = (await runCommand('isoinfo', ['-d', '-i', file])).toString();
    assert.match(about, /Volume id: config-2/);
    assert.match(about, /Joliet with UCS level 3/);
    const names = (await runCommand('isoinfo', ['-f', '-J', '-i', file])).toString();
    assert.match(names, /^\/openstack\/latest\/meta_data\.json/m);
    assert.match(names, /^\/openstack\/latest\/user_data/m);
    const meta = (await runCommand('isoinfo', ['-i', file, '-J', '-x', '/openstack/latest/meta_data.json;1'])).toString();
    assert.deepEqual(JSON.parse(meta), content.metaData);
    const found = (
      await runCommand('xorriso', [
        '-report_about',
        'WARNING',
        '-read_fs',
        'any',
        '-joliet',
        'on',
        '-indev',
        file,
        '-find',
        '/',
        '-type',
        'f',
      ])
    ).toString();
    assert.match(found, /openstack\/latest\/network_data\.json/);
    assert.equal((await runCommand('blkid', ['-o', 'value', '-s', 'LABEL', file])).toString().trim(), 'config-2');
  } finally {
    await rm(work, { recursive: true, force: true });
  }
});

test('the same content gives the same bytes, and the API form unpacks to them', () => {
  const image = buildConfigDrive(content);
  assert.deepEqual(buildConfigDrive(content), image);
  assert.deepEqual(gunzipSync(Buffer.from(encodeConfigDrive(image), 'base64')), image);
});

test('big user data and many sectors', () => {
  const image = buildConfigDrive({ ...content, userData: 'x'.repeat(100_000) });
  assert.equal(image.length % 2048, 0);
  assert.ok(image.includes('x'.repeat(5000)));
});
