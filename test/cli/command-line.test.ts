import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const PROGRAM = join(import.meta.dirname, '../../cli/rackwright.ts');

const start = (...args: string[]) => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  return { child, said, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, ...said })) };
};

for (const [args, code, expected] of [
  [['--version'], 0, /^\d+\.\d+\.\d+\n$/],
  [['help', 'image'], 0, /build/],
  [['lab', 'bmc', '--help'], 0, /Examples:/],
  [[], 2, /Usage:/],
  [['tset'], 2, /Did you mean test/],
  [['lab', 'bmc'], 2, /--count/],
  [['lab', 'bmc', '--count', '0', '--listen', '127.9.9.1'], 2, /whole number/],
  [['lab', 'bmc', '--count', '1', '--listen', 'localhost'], 2, /IPv4/],
  [['image', 'build', 'windows'], 2, /debian, debian-partition, tiny/],
  [['test', 'everything'], 2, /house/],
  [['simulate', '--fault', 'list'], 0, /rogue-dhcp/],
  [['simulate', '--fault', 'gremlins'], 2, /no such fault: gremlins/],
  [['simulate', '--seeds', '0'], 2, /whole number/],
  [['simulate', '--seeds', '1', '--json', '/not-there/report.json'], 2, /folder \/not-there is not there/],
  [['lab', 'bmc', '--count', '1', '--listen', '192.0.2.1', '--ipmi-port', '0', '--redfish-port', '0'], 1, /next: /],
] as const) {
  test(`rackwright ${args.join(' ')} ends with ${code}`, async () => {
    const end = await start(...args).ended;
    assert.equal(end.code, code, end.err);
    assert.match(end.out + end.err, expected);
  });
}

test('lab bmc writes a private list, stays up, and ends cleanly on SIGTERM', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rackwright-cli-'));
  const file = join(folder, 'bmcs.json');
  const { child, said, ended } = start(
    'lab',
    'bmc',
    '--count',
    '3',
    '--listen',
    '127.9.4.253',
    '--ipmi-port',
    '0',
    '--redfish-port',
    '0',
    '--json',
    file,
  );
  try {
    while (!said.err.includes('up;') && child.exitCode === null) await Promise.race([once(child.stderr, 'data'), once(child, 'exit')]);
    const { bmcs } = JSON.parse(await readFile(file, 'utf8')) as {
      bmcs: { address: string; username: string; password: string; redfish: string }[];
    };
    assert.deepEqual(
      bmcs.map(({ address }) => address),
      ['127.9.4.253', '127.9.4.254', '127.9.5.1'],
    );
    assert.ok(bmcs.every(({ redfish, password }) => redfish.startsWith('https://127.9.') && password.length >= 16));
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    child.kill('SIGTERM');
    assert.equal((await ended).code, 0);
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
});
