import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CONSOLE_RULES, judgeLine, judgeRest, LINE_CHARACTERS_MAX, takeLines } from './console-pattern-policy.ts';

/** Lines as machines print them. */
const SAMPLES: readonly [string, string, string][] = [
  ['kernel-panic', 'fatal', '[    2.101234] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)'],
  ['no-bootable-device', 'fatal', 'No bootable device.'],
  ['no-bootable-device', 'fatal', 'Operating System not found'],
  ['no-bootable-device', 'fatal', 'BdsDxe: No bootable option or device was found.'],
  ['no-bootable-device', 'fatal', 'Reboot and Select proper Boot device'],
  ['grub-rescue', 'fatal', 'grub rescue> '],
  ['grub-rescue', 'fatal', 'grub> '],
  ['secure-boot-violation', 'error', 'error: bad shim signature.'],
  ['secure-boot-violation', 'error', 'BdsDxe: failed to load Boot0002 "UEFI QEMU HARDDISK" from PciRoot(0x0): Access Denied'],
  ['secure-boot-violation', 'error', 'Verification failed: (0x1A) Security Violation'],
  ['initramfs-shell', 'error', 'ALERT!  UUID=3e6be9de-8139 does not exist.  Dropping to a shell!'],
  ['initramfs-shell', 'error', '(initramfs) '],
  ['emergency-mode', 'error', 'You are in emergency mode. After logging in, type "journalctl -xb" to view'],
  ['emergency-mode', 'error', 'Entering emergency mode. Exit the shell to continue.'],
  ['uefi-shell', 'error', 'UEFI Interactive Shell v2.2'],
  ['uefi-shell', 'error', 'Shell> '],
  ['machine-check', 'error', 'mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 4: be00000000800400'],
  ['memory-uncorrectable', 'error', 'EDAC MC0: 1 UE memory read error on CPU_SrcID#0_MC#0_Chan#0_DIMM#0'],
  ['memory-corrected', 'warning', 'EDAC MC0: 1 CE memory read error on CPU_SrcID#0_MC#0_Chan#0_DIMM#0'],
  ['pxe-e18', 'warning', 'PXE-E18: Server response timeout.'],
  ['pxe-e51', 'warning', 'PXE-E51: No DHCP or proxyDHCP offers were received.'],
  ['pxe-e53', 'warning', 'PXE-E53: No boot filename received'],
  ['pxe-e61', 'warning', 'PXE-E61: Media test failure, check cable'],
  ['pxe-e16', 'warning', 'PXE-E16: No valid offer received.'],
  ['ipxe-no-address', 'warning', 'Configuring (net0 52:54:00:a0:01:01).................. No configuration methods '],
  ['ipxe-no-address', 'warning', 'succeeded (http://ipxe.org/040ee119)'],
  ['ipxe-error', 'warning', 'http://10.20.0.1/boot.ipxe... Connection timed out (https://ipxe.org/4c0a6092)'],
  ['login-prompt', 'info', 'bmc-1 login: '],
];

const SILENT = [
  'iPXE 1.21.1+ -- Open Source Network Boot Firmware -- https://ipxe.org',
  'GNU GRUB  version 2.06',
  'installing grub> to /dev/sda',
  '[    0.000000] Command line: panic=30 root=/dev/vda1',
  'EDAC MC0: Giving out device to module i10nm_edac',
  'mce: CPU0: Thermal monitoring enabled (TM1)',
  'Last login: Tue Jan  1 00:00:00 UTC 2030 on ttyS0',
];

describe('a line of a console', () => {
  for (const [pattern, severity, line] of SAMPLES)
    test(`${pattern}: ${line}`, () => {
      const finding = judgeLine(line);
      assert.equal(finding?.pattern, pattern);
      assert.equal(finding.severity, severity);
      assert.ok(finding.message.includes(line.trim().slice(0, 40)) && finding.advice !== '');
    });
  for (const line of SILENT) test(`nothing: ${line}`, () => assert.equal(judgeLine(line), undefined));

  test('every rule has a sample', () => {
    const sampled = new Set(SAMPLES.map(([pattern]) => pattern));
    assert.deepEqual(
      CONSOLE_RULES.map(({ pattern }) => pattern).filter((pattern) => !sampled.has(pattern)),
      [],
    );
  });
});

describe('bytes become lines', () => {
  const read = (...chunks: string[]) => {
    const seen: string[] = [];
    let rest = '';
    for (const chunk of chunks) {
      const taken = takeLines(rest, chunk);
      seen.push(...taken.lines);
      rest = taken.rest;
    }
    return { lines: seen, rest };
  };

  test('wherever a panic in colours is split, it is found', () => {
    const text = 'boot\r\n\u001b[1;31m[ 2.1] Kernel \u001b[0mpanic - not syncing: Fatal exception\u001b[K\r\nnext\r\n';
    for (let at = 1; at < text.length; at += 1) {
      const found = read(text.slice(0, at), text.slice(at))
        .lines.map(judgeLine)
        .filter((finding) => finding !== undefined);
      assert.ok(
        found.some(
          ({ pattern, message }) => pattern === 'kernel-panic' && !message.includes('\u001b') && message.includes('Fatal exception'),
        ),
        `split at ${at}`,
      );
    }
  });

  test('a prompt without an end is judged; a painted screen has lines', () => {
    assert.equal(judgeRest(read('\u001b[0m\u001b[37mgrub rescue> ').rest)?.pattern, 'grub-rescue');
    const screen = read('\u001b[2J\u001b[01;01HBoot Menu\u001b[05;10HNo bootable device.');
    assert.deepEqual(screen, { lines: ['Boot Menu'], rest: 'No bootable device.' });
    assert.deepEqual(read('\u001b]0;a title\u0007text\n').lines, ['text']);
  });

  test('a line without end is cut and forgotten', () => {
    const { lines, rest } = takeLines('', 'x'.repeat(LINE_CHARACTERS_MAX * 2 + 1));
    assert.deepEqual(
      lines.map(({ length }) => length),
      [LINE_CHARACTERS_MAX, LINE_CHARACTERS_MAX, 1],
    );
    assert.equal(rest, '');
  });
});
