import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BootWire, makeBootWire, until } from './boot-wire.ts';

/** Where Node has no foreign function interface, one attached subnet is still served. */
let wire: BootWire;
before(async () => {
  wire = await makeBootWire({ nodeFlags: ['--no-experimental-ffi'] });
  await wire.start();
});
after(() => wire.remove());

test('udhcpc gets its address by directed broadcast', async () => {
  const { status, stderr } = await wire.client('udhcpc', '-i', wire.clientInterface, '-n', '-q', '-f', '-t', '8', '-s', '/bin/true');
  assert.equal(status, 0, stderr);
  assert.match(stderr, /lease of 10\.77\.0\.1\d\d obtained from 10\.77\.0\.1/);
});

test('a rack of TFTP clients reads its boot file at once, in lock-step and with windows', async () => {
  await wire.client('ip', 'addr', 'add', '10.77.0.60/24', 'dev', wire.clientInterface);
  const file = readFileSync(join(wire.settings.model.files.ipxeDirectory, 'undionly.kpxe'));
  const read = async (n: number, ...options: string[]) => {
    const out = join(wire.directory, `got-${n}`);
    const { status, stderr } = await wire.client('atftp', ...options, '-g', '-r', 'undionly.kpxe', '-l', out, '10.77.0.1', '69');
    assert.equal(status, 0, stderr);
    assert.ok(readFileSync(out).equals(file));
  };
  const windowed = ['--option', 'blksize 1428', '--option', 'windowsize 16'];
  await Promise.all(Array.from({ length: 12 }, (_, n) => read(n, ...(n % 2 === 0 ? windowed : []))));
  assert.equal((await wire.metrics())['tftp.complete'], 12);
});

test('an interface of the model that is not there is waited for, and served when it comes', async () => {
  const other = await makeBootWire();
  try {
    await other.server('ip', 'link', 'set', other.serverInterface, 'down');
    await other.server('ip', 'link', 'set', other.serverInterface, 'name', 'later0');
    await other.start();
    assert.equal((await other.metrics())['dhcp.listen-failed']! >= 1, true);
    await other.server('ip', 'link', 'set', 'later0', 'name', other.serverInterface);
    await other.server('ip', 'link', 'set', other.serverInterface, 'up');
    await until(
      'an address',
      async () =>
        (await other.client('udhcpc', '-i', other.clientInterface, '-n', '-q', '-f', '-t', '2', '-T', '1', '-s', '/bin/true')).status === 0,
    );
  } finally {
    await other.remove();
  }
});
