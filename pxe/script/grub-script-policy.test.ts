import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { BootIntent } from '../boot-model.ts';
import { composeGrubScript } from './grub-script-policy.ts';

const script = (
  boot: BootIntent | undefined,
  over: { readonly name?: string; readonly agentCommandLine?: string; readonly processor?: 'arm64' } = {},
) =>
  composeGrubScript({
    mac: '52:54:00:00:00:01',
    host:
      boot === undefined
        ? undefined
        : { nodeId: '11111111-2222-3333-4444-555555555555', name: over.name ?? 'rack1-m1', macs: [], reservations: {}, boot },
    strangers: 'discover',
    platform: 'efi',
    processor: over.processor,
    baseUrl: 'http://10.77.0.1:8080',
    token: 'TOKEN.MAC',
    agentCommandLine: over.agentCommandLine ?? 'rackwright.api=https://10.77.0.1:5443',
  });

test('the agent is loaded by TFTP, with each argument as one word', () => {
  const lines = script({ kind: 'agent', reason: 'inspection' }).split('\n');
  assert.equal(lines[0], "echo 'Rackwright: rack1-m1 starts the deploy agent: inspection'");
  assert.equal(
    lines[1] ?? '',
    "if linux /boot/TOKEN.MAC/kernel 'BOOTIF=52:54:00:00:00:01' 'rackwright.token=TOKEN.MAC' 'rackwright.node=11111111-2222-3333-4444-555555555555' 'rackwright.api=https://10.77.0.1:5443' 'console=tty0' 'console=ttyS0,115200'; then",
  );
  assert.equal(lines[2], '  if initrd /boot/TOKEN.MAC/ramdisk; then boot; fi');
});

test('on 64-bit ARM it is the kernel and the disk loader of that processor', () => {
  assert.match(script({ kind: 'agent', reason: 'inspection' }, { processor: 'arm64' }), /if linux \/boot\/TOKEN\.MAC\/kernel-arm64 /);
  assert.match(script({ kind: 'disk', reason: 'deployed' }, { processor: 'arm64' }), /chainloader \(\$disk\)\/EFI\/BOOT\/BOOTAA64\.EFI/);
});

test('a deployed machine goes on to its disk, a held one says why, and what GRUB cannot do is named', () => {
  assert.match(script({ kind: 'disk', reason: 'deployed' }), /chainloader \(\$disk\)\/EFI\/BOOT\/BOOTX64\.EFI/);
  assert.equal(
    script({ kind: 'hold', reason: 'powered off on purpose' }),
    "echo 'Rackwright: rack1-m1 does not boot: powered off on purpose'\n",
  );
  assert.match(script({ kind: 'image', reason: 'instance', image: { iso: 'a.iso' } }), /cannot start a ramdisk over HTTP/);
  assert.match(script({ kind: 'volume', reason: 'instance', volume: { initiator: 'iqn', drives: [] } }), /cannot start an iSCSI volume/);
  assert.match(script(undefined), /unknown machine 52:54:00:00:00:01 starts the deploy agent/);
});

test('no name, reason or argument becomes a command', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, reason, line) => {
      const evil = script(
        { kind: 'agent', reason: `${reason}'; reboot #` },
        { name: `${name}\n'$x`, agentCommandLine: `${line} '$(reboot)` },
      );
      assert.equal(evil.split('\n').length, script({ kind: 'agent', reason: 'r' }).split('\n').length);
      for (const part of evil.split('\n')) assert.equal(part.split("'").length % 2, 1);
      assert.match(evil.split('\n')[0]!, /^echo '[A-Za-z0-9 ._,:()/@+=?-]*'$/);
    }),
  );
});
