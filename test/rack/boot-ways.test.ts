import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';

/** The ways onto the agent that only UEFI has, each by a machine that nobody knows (arm64, no-dhcp: declared): discovered, enrolled, inspected, cleaned. */
interface Report {
  readonly runDirectory: string;
  readonly machines: readonly { name: string; state: string; error?: string; phases: { name: string; seconds: number }[] }[];
}

const root = join(import.meta.dirname, '../..');
const runLab = (args: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    execFile(join(root, 'rackwright'), ['lab', ...args], { maxBuffer: 64 * 2 ** 20 }, (_error, _stdout, stderr) => resolve(stderr));
  });

/** What the console shows when it went that way and no other. */
const WAYS = {
  http: [/Start HTTP Boot over IPv4/, /URI: http:\/\/10\.77\.0\.1:8080\/boot\/snponly\.efi/],
  'secure-boot': [/Fetching Netboot Image grubx64\.efi/, /Welcome to GRUB/],
  arm64: [/Fetching Netboot Image grubaa64\.efi/, /Welcome to GRUB/, /agent for https:\/\/10\.77\.0\.1:5443/],
  'no-dhcp': [/static address 10\.77\.0\.21\/24 on eth0/, /agent for https:\/\/10\.77\.0\.1:5443/],
  ipv6: [/Start PXE over IPv6/, /http:\/\/\[fd00:77::1\]:8080\/boot\/ipxe/, /agent for https:\/\/\[fd00:77::1\]:5443/],
} as const;

for (const [way, shown] of Object.entries(WAYS))
  test(`a machine becomes available over ${way}`, async (t) => {
    const json = join(mkdtempSync(join(tmpdir(), 'rackwright-lab-')), 'lab.json');
    const args = ['--machines', '1', '--until', 'available', '--boot', way, '--exit', '--json', json, '--listen', '127.0.0.1:0'];
    const said = await runLab(args);
    assert.ok(existsSync(json), `the lab left no report; it said:\n${said.slice(-3000)}`);
    const { machines, runDirectory } = JSON.parse(readFileSync(json, 'utf8')) as Report;
    const [machine] = machines;
    t.diagnostic(machine!.phases.map(({ name, seconds }) => `${name} ${seconds} s`).join(', '));
    assert.equal(machine!.error, undefined);
    assert.equal(machine!.state, 'available');
    const console = stripVTControlCharacters(readFileSync(join(runDirectory, 'machines', machine!.name, 'console.log'), 'utf8'));
    for (const line of shown) assert.match(console, line);
  });
