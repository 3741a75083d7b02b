import assert from 'node:assert/strict';
import test from 'node:test';
import type { BootIntent } from '../boot-model.ts';
import { composeIpxeScript } from './ipxe-script-policy.ts';

/** Instances that boot over the network: the whole script, as iPXE reads it. */
const script = (boot: BootIntent, kernelArguments?: string): string =>
  composeIpxeScript({
    mac: '52:54:00:00:00:01',
    host: {
      nodeId: '11111111-2222-3333-4444-555555555555',
      name: 'm1',
      macs: [],
      reservations: {},
      boot,
      ...(kernelArguments === undefined ? {} : { kernelArguments }),
    },
    strangers: 'discover',
    platform: 'pcbios',
    baseUrl: 'http://10.77.0.1:8080',
    token: 'T.M',
    agentCommandLine: 'rackwright.api=x',
  });
const AGAIN = (what: string) => `:again
echo ${what} could not be started. Asking again in 10 seconds.
sleep 10
chain --replace --autofree http://10.77.0.1:8080/boot/ipxe?mac=52:54:00:00:00:01&uuid=\${uuid}&serial=\${serial:uristring}&platform=\${platform} || goto again
`;

test('kernel and ramdisk: files of the boot server by token, URLs as they are', () => {
  const image = { kernel: 'live/vmlinuz', ramdisk: 'http://mirror/initrd', kernelArguments: 'boot=live && shell' };
  assert.equal(
    script({ kind: 'image', reason: 'r', image }),
    `#!ipxe
echo Rackwright: m1 starts its ramdisk: r
kernel http://10.77.0.1:8080/images/T.M/live/vmlinuz initrd=ramdisk BOOTIF=52:54:00:00:00:01 boot=live shell || goto again
initrd --name ramdisk http://mirror/initrd || goto again
boot || goto again
${AGAIN('The ramdisk')}`,
  );
});

test('an ISO over HTTP', () => {
  assert.equal(
    script({ kind: 'image', reason: 'r', image: { iso: 'rescue.iso' } }),
    `#!ipxe
echo Rackwright: m1 starts its ramdisk: r
sanboot --no-describe http://10.77.0.1:8080/images/T.M/rescue.iso || goto again
${AGAIN('The ISO image')}`,
  );
});

test('iSCSI volumes: the first is booted from, each with its own CHAP', () => {
  const first = { host: '10.0.0.9', port: 3260, lun: 17, target: 'iqn.t:a', chap: { username: 'u', password: 'p;w' } };
  const second = { host: '10.0.0.9', port: 3261, lun: 0, target: 'iqn.t:b' };
  assert.equal(
    script({ kind: 'volume', reason: 'r', volume: { initiator: 'iqn.i:m1', drives: [first, second] } }),
    `#!ipxe
echo Rackwright: m1 starts from its volume: r
set initiator-iqn iqn.i:m1
clear username
clear password
set username u
set password p;w
sanhook --drive 0x80 iscsi:10.0.0.9::3260:11:iqn.t:a || goto again
clear username
clear password
sanhook --drive 0x81 iscsi:10.0.0.9::3261:0:iqn.t:b || goto again
sanboot --no-describe --keep --drive 0x80 || goto again
${AGAIN('The volume')}`,
  );
});

test('the options of tags come to the agent, and nothing in them is a command', () => {
  assert.match(
    script({ kind: 'agent', reason: 'r' }, 'nomodeset || shell\nreboot'),
    / rackwright\.api=x nomodeset shell reboot console=tty0/,
  );
});
