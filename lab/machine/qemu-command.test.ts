import assert from 'node:assert/strict';
import { test } from 'node:test';
import { declareRack } from '../topology.ts';
import { type DiskState, qemuCommand, type QemuPaths } from './qemu-command.ts';

const [bios, uefi, ahci] = declareRack({ machines: 3, seed: 1 }).machines;
const paths: QemuPaths = {
  qmpSocket: '/s/qmp',
  consoleSocket: '/s/console',
  kcsSocket: '/s/kcs',
  nicSockets: ['/s/port-1', '/s/port-2'],
  diskFiles: ['/d/disk-0.raw'],
  badSectorRules: '/s/bad-sectors.conf',
  consoleLog: '/d/console.log',
  uefiCode: '/CODE.fd',
  uefiVariables: '/d/uefi-variables.fd',
};
const optionsOf = (argv: readonly string[], option: string) => argv.filter((_value, index) => argv[index - 1] === option);
const find = (argv: readonly string[], option: string, start: string) =>
  optionsOf(argv, option).find((each) => each.startsWith(start)) ?? '';

test('emulation is asked for by name, and the guest cannot reset itself', () => {
  const argv = qemuCommand(bios!, paths, 'disk-first');
  assert.deepEqual(optionsOf(argv, '-accel'), ['tcg,thread=multi']);
  assert.deepEqual(optionsOf(argv, '-action'), ['reboot=shutdown,shutdown=pause']);
});

test('the boot order is the bootindex of disk and first NIC', () => {
  const network = qemuCommand(ahci!, paths, 'network-first');
  assert.match(find(network, '-device', 'virtio-net-pci'), /bootindex=0$/);
  assert.match(find(network, '-device', 'ide-hd'), /bootindex=1$/);
  const disk = qemuCommand(ahci!, paths, 'disk-first');
  assert.match(find(disk, '-device', 'virtio-net-pci'), /bootindex=1$/);
  assert.match(find(disk, '-device', 'ide-hd'), /bootindex=0$/);
  assert.doesNotMatch(find(disk, '-device', 'e1000e'), /bootindex/);
});

test('firmware, disks and identity are those of the spec', () => {
  const argv = qemuCommand(uefi!, paths, 'disk-first');
  assert.match(find(argv, '-drive', 'if=pflash,unit=1'), /file=\/d\/uefi-variables\.fd$/);
  assert.match(find(argv, '-device', 'nvme'), new RegExp(`serial=${uefi!.disks[0]!.serial}`));
  assert.match(find(argv, '-device', 'virtio-net-pci'), /romfile=,/);
  assert.match(find(argv, '-smbios', 'type=1'), new RegExp(`serial=${uefi!.identity.serial},uuid=${uefi!.identity.uuid}$`));
  assert.deepEqual(optionsOf(qemuCommand(bios!, paths, 'disk-first'), '-machine'), ['q35,graphics=off']);
});

test('a broken disk fails its writes, takes its time, is not there, or can be pulled out', () => {
  const driveOf = (state: DiskState) => optionsOf(qemuCommand(bios!, paths, 'disk-first', { disks: [state] }), '-drive')[0] ?? '';
  assert.match(driveOf('bad-sectors'), /^file\.driver=blkdebug,file\.config=\/s\/bad-sectors\.conf,file\.image\.driver=file,/);
  assert.doesNotMatch(driveOf('good'), /blkdebug/);
  assert.equal(driveOf('vanished'), '');
  assert.match(driveOf('slow'), /,throttling\.bps-write=1000000$/);
  const lost = qemuCommand(bios!, paths, 'disk-first', { disks: ['lost-when-written'] });
  assert.match(find(lost, '-device', 'virtio-blk-pci'), /bus=slot0,id=disk0-device,/);
  assert.ok(find(lost, '-device', 'pcie-root-port').includes('id=slot0'));
});

test('firmware boots over what the rack says, and checks signatures where it does', () => {
  const switchedOff = (boot: 'http' | 'ipv6' | 'secure-boot' | 'network') => {
    const argv = qemuCommand(declareRack({ machines: 2, seed: 1, boot }).machines[1]!, paths, 'network-first');
    return [find(argv, '-machine', 'q35'), ...optionsOf(argv, '-fw_cfg').map((each) => /tianocore\/(.*)Support/.exec(each)![1])];
  };
  assert.deepEqual(switchedOff('network'), ['q35']);
  assert.deepEqual(switchedOff('http'), ['q35', 'IPv4PXE', 'IPv6PXE']);
  assert.deepEqual(switchedOff('ipv6'), ['q35', 'IPv4PXE']);
  assert.deepEqual(switchedOff('secure-boot'), ['q35,smm=on']);
});

test('a TPM and a KCS chip are there when they have sockets', () => {
  assert.equal(find(qemuCommand(uefi!, paths, 'disk-first'), '-device', 'tpm-tis'), '');
  assert.notEqual(find(qemuCommand(uefi!, { ...paths, tpmSocket: '/s/tpm' }, 'disk-first'), '-device', 'tpm-tis'), '');
  assert.notEqual(find(qemuCommand(uefi!, paths, 'disk-first'), '-device', 'isa-ipmi-kcs'), '');
});

test('a comma in a path does not end the option', () => {
  assert.match(find(qemuCommand(bios!, { ...paths, diskFiles: ['/a,b/disk'] }, 'disk-first'), '-drive', 'file='), /^file=\/a,,b\/disk,/);
});
