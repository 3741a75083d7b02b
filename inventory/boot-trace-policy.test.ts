import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { traceBoots, type BootEvent } from './boot-trace-policy.ts';

const START = Date.parse('2026-11-26T08:29:19Z');
let ids = 0;
const at = (seconds: number, kind: string, evidence: BootEvent['evidence'] = {}): BootEvent => ({
  id: (ids += 1),
  at: new Date(START + seconds * 1000),
  kind,
  evidence,
});
const firmware = { architecture: 0, vendorClass: 'PXEClient:Arch:00000' };
/** As a BIOS machine of the lab boots. */
const toAgent = [
  at(0, 'bmc.power', { outcome: 'ok', argument: 'on' }),
  at(3, 'dhcp.offer', firmware),
  at(3.1, 'dhcp.ack', firmware),
  at(3.3, 'tftp.read', { path: 'undionly.kpxe' }),
  at(4, 'dhcp.offer', { ...firmware, userClasses: ['iPXE'] }),
  at(4.1, 'http.script', { intent: 'agent' }),
  at(4.5, 'http.get', { path: '/boot/<token>/kernel' }),
  at(9, 'http.get', { path: '/boot/<token>/ramdisk' }),
  at(24, 'dhcp.ack', { vendorClass: 'udhcp 1.35.0' }),
  at(31, 'agent.log'),
];
const short = (events: readonly BootEvent[]) =>
  traceBoots(events).map(
    ({ startedBy, outcome, phases, waitsFor }) =>
      `${startedBy} ${outcome}: ${phases.map(({ name, ms }) => `${name} ${ms / 1000}`).join(', ')}${waitsFor === undefined ? '' : `; ${waitsFor}`}`,
  );

test('a boot to the agent, with the time of each part', () => {
  assert.deepEqual(short(toAgent), ['bmc agent: firmware 3, loader 1.1, download 4.9, kernel 15, agent 7']);
});

test('what the agent does afterwards is no boot; its reset is one that the machine began', () => {
  const disk = [at(100, 'dhcp.offer', firmware), at(101, 'http.script', { intent: 'disk' }), at(130, 'dhcp.ack', { vendorClass: 'udhcp' })];
  const all = [...toAgent, at(40, 'agent.running'), at(60, 'bmc.power', { outcome: 'ok', argument: 'off' }), ...disk];
  assert.deepEqual(short(all), [
    'bmc agent: firmware 3, loader 1.1, download 4.9, kernel 15, agent 7',
    'machine disk: firmware 0, loader 1',
  ]);
});

test('a machine that starts from its disk at once is seen when its system asks for an address', () => {
  const events = [at(0, 'bmc.power', { outcome: 'ok', argument: 'on' }), at(60, 'dhcp.ack', { vendorClass: 'dhcpcd' }), at(80, 'dhcp.ack')];
  assert.deepEqual(short(events), ['bmc disk: kernel 60']);
});

test('a boot that goes no further says what it waits for', () => {
  const waits = (count: number) => short(toAgent.slice(0, count))[0];
  assert.match(waits(1)!, /^bmc unfinished: ; the firmware’s first DHCP packet/);
  assert.match(waits(3)!, /; the boot program to be loaded/);
  assert.match(waits(4)!, /; the boot program to start/);
  assert.match(waits(6)!, /; kernel and ramdisk to be loaded/);
  assert.match(waits(8)!, /; the kernel to start/);
  assert.match(waits(9)!, /; the agent’s first word/);
  const off = [...toAgent.slice(0, 8), at(300, 'bmc.power', { outcome: 'ok', argument: 'off' })];
  assert.match(short(off)[0]!, /^bmc off: .*; the kernel to start/);
});

test('a machine that is held asks again and again in one boot; a failed order to the BMC begins none', () => {
  const held = [...toAgent.slice(0, 5), ...[5, 15, 25].map((seconds) => at(seconds, 'http.script', { intent: 'hold' }))];
  assert.deepEqual(short(held), ['bmc held: firmware 3, loader 22']);
  assert.deepEqual(short([at(0, 'bmc.power', { outcome: 'timeout', argument: 'on' })]), []);
});

test('with Secure Boot the files come by TFTP', () => {
  const events = [
    at(0, 'dhcp.offer', { architecture: 7 }),
    at(2, 'tftp.read', { path: 'shimx64.efi' }),
    at(6, 'tftp.read', { path: 'grubx64.efi' }),
    at(8, 'tftp.read', { path: '/grub/machine.cfg' }),
    at(16, 'tftp.read', { path: '/boot/<token>/kernel' }),
    at(70, 'tftp.read', { path: '/boot/<token>/ramdisk' }),
    at(90, 'dhcp.ack', { vendorClass: 'udhcp' }),
    at(99, 'agent.log'),
  ];
  assert.deepEqual(short(events), ['machine agent: firmware 0, loader 8, download 62, kernel 20, agent 9']);
});

test('signed GRUB’s orders are told too: from the disk, or held', () => {
  const boot = (intent: string) => [
    at(0, 'dhcp.offer', { architecture: 7 }),
    at(2, 'tftp.read', { path: 'shimx64.efi' }),
    at(8, 'tftp.read', { path: '/grub/machine.cfg', intent }),
  ];
  assert.deepEqual(short(boot('disk')), ['machine disk: firmware 0, loader 8']);
  assert.deepEqual(short(boot('hold')), ['machine held: firmware 0, loader 8']);
});

test('whatever comes in whatever order, phases follow each other and none lasts less than nothing', () => {
  const kinds = toAgent.map(({ kind, evidence }) => ({ kind, evidence }));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...kinds), fc.nat(50)), { maxLength: 60 }), (given) => {
      let now = START;
      const events = given.map(([one, seconds], id) => ({ ...one, id, at: new Date((now += seconds * 1000)) }));
      for (const { phases, startedAt, ms } of traceBoots(events)) {
        let end = startedAt.getTime();
        for (const phase of phases) {
          assert.equal(phase.startedAt.getTime(), end);
          assert.ok(phase.ms >= 0);
          end += phase.ms;
        }
        assert.ok(end <= startedAt.getTime() + ms);
      }
    }),
  );
});
