import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { BootHost, BootIntent } from '../boot-model.ts';
import { composeIpxeScript, type ScriptRequest } from './ipxe-script-policy.ts';

const host = (boot: BootIntent, name = 'rack1-m1'): BootHost => ({
  nodeId: '11111111-2222-3333-4444-555555555555',
  name,
  macs: [],
  reservations: {},
  boot,
});
const request = (over: Partial<ScriptRequest> = {}): ScriptRequest => ({
  mac: '52:54:00:00:00:01',
  host: host({ kind: 'agent', reason: 'inspection' }),
  strangers: 'discover',
  platform: 'pcbios',
  baseUrl: 'http://10.77.0.1:8080',
  token: 'TOKEN.MAC',
  agentCommandLine: 'rackwright.api=https://10.77.0.1:5443',
  ...over,
});

test('the agent is started with its token, its node and the serial console last', () => {
  const lines = composeIpxeScript(request()).split('\n');
  assert.equal(lines[0], '#!ipxe');
  assert.equal(
    lines[2],
    'kernel http://10.77.0.1:8080/boot/TOKEN.MAC/kernel initrd=ramdisk BOOTIF=52:54:00:00:00:01 rackwright.token=TOKEN.MAC rackwright.node=11111111-2222-3333-4444-555555555555 rackwright.api=https://10.77.0.1:5443 console=tty0 console=ttyS0,115200 || goto again',
  );
  assert.equal(lines[3], 'initrd --name ramdisk http://10.77.0.1:8080/boot/TOKEN.MAC/ramdisk || goto again');
});

test('a 64-bit ARM machine gets the agent that was made for it, and no console that its kernel does not know', () => {
  const lines = composeIpxeScript(request({ processor: 'arm64', platform: 'efi' }));
  assert.match(lines, /\/boot\/TOKEN\.MAC\/kernel-arm64 initrd=ramdisk/);
  assert.match(lines, /\/boot\/TOKEN\.MAC\/ramdisk-arm64 /);
  assert.doesNotMatch(lines, /console=/);
});

test('where there is none it is held, not sent a kernel for x86-64, and asks again as what it is', () => {
  const held = composeIpxeScript(request({ processor: 'arm64', isWithoutAgent: true }));
  assert.match(held, /does not boot: the boot server has no deploy agent for arm64. with arm64: true below boot/);
  assert.match(held, /&arch=arm64/);
  assert.doesNotMatch(held, /^kernel/m);
  assert.match(
    composeIpxeScript(request({ processor: 'arm64', platform: 'efi', host: host({ kind: 'disk', reason: 'deployed' }) })),
    /^exit 1/m,
  );
});

test('a stranger gets the agent without a node where discovery is on, and is held where it is off', () => {
  const on = composeIpxeScript(request({ host: undefined }));
  assert.match(on, /kernel /);
  assert.doesNotMatch(on, /rackwright\.node/);
  const off = composeIpxeScript(request({ host: undefined, strangers: 'hold' }));
  assert.match(off, /discovery is off/);
  assert.match(composeIpxeScript(request({ host: undefined, strangers: 'disk', platform: 'pcbios' })), /none of ours\nsanboot/);
  assert.match(off, /sleep 10\nchain --replace/);
  assert.doesNotMatch(off, /kernel/);
});

for (const [platform, last] of [
  ['pcbios', ['sanboot --no-describe --drive 0x80 || exit 1']],
  ['efi', ['exit 1']],
  [undefined, ['iseq ${platform} pcbios || exit 1', 'sanboot --no-describe --drive 0x80 || exit 1']],
] as const)
  test(`a deployed machine leaves for its disk (${platform ?? 'platform not said'})`, () => {
    const script = composeIpxeScript(request({ platform, host: host({ kind: 'disk', reason: 'deployed' }) }));
    assert.deepEqual(script.trimEnd().split('\n').slice(2), last);
  });

test('hostile names and reasons are text to iPXE, nothing more', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('agent', 'disk', 'hold') as fc.Arbitrary<'agent' | 'disk' | 'hold'>,
      (name, reason, kind) => {
        const evil = composeIpxeScript(
          request({ host: host({ kind, reason: `${reason}\${net0/mac}|| shell;&&\n` }, `${name}\nshell\r#`) }),
        );
        const plain = composeIpxeScript(request({ host: host({ kind, reason: 'r' }, 'n') }));
        assert.equal(evil.split('\n').length, plain.split('\n').length);
        assert.deepEqual(evil.split('\n').slice(2), plain.split('\n').slice(2));
        assert.match(evil.split('\n')[1]!, /^echo [A-Za-z0-9 ._,:()/@+=?-]*$/);
      },
    ),
  );
});

test('kernel arguments cannot end the line, expand, or start a command', () => {
  const script = composeIpxeScript(request({ agentCommandLine: 'a=1\nshell ${x} || reboot && b=2 ; c' }));
  assert.match(script, / a=1 shell \{x\} reboot b=2 c console=tty0 /);
});
