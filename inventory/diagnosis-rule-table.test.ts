import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FlowHistory } from '../core/flow/flow-service.ts';
import { diagnose, DIAGNOSIS_RULES, type DiagnosisFacts, type SeenEvent } from './diagnosis-rule-table.ts';

const AT = Date.parse('2030-01-01T00:00:00Z');
/** An event, so many seconds after the flow began. */
const event = (atSeconds: number, kind: string, evidence: object = {}, message = `${kind} happened`): SeenEvent => ({
  at: new Date(AT + atSeconds * 1000),
  source: kind.split('.')[0]!,
  kind,
  evidence,
  severity: 'info',
  message,
});
const bmc = (atSeconds: number, kind: string, outcome: string, more: object = {}) =>
  event(atSeconds, kind, { outcome, durationMs: 80, ...more });
const powerOn = (atSeconds: number) => bmc(atSeconds, 'bmc.power', 'ok', { argument: 'on' });
const FIRMWARE = { vendorClass: 'PXEClient:Arch:00000:UNDI:003001', xid: 7 };
const dhcp = (atSeconds: number, kind: 'offer' | 'ack', more: object = {}) => event(atSeconds, `dhcp.${kind}`, { ...FIRMWARE, ...more });
const finding = (pattern: string) => event(30, 'console.finding', { pattern, severity: 'fatal', message: pattern, advice: 'look' });
const inspected = (changes: readonly object[]) => event(60, 'agent.inspected', { changes });
const failed = (code: string, message = 'it failed') => event(90, 'agent.failed', { code, advice: 'look' }, message);

type Step = FlowHistory['steps'][number];
const step = (more: Partial<Step>): Step => ({
  step: 'run_steps',
  direction: 'do',
  attempt: 1,
  owner: 'one',
  startedAt: new Date(AT),
  endedAt: new Date(AT + 1000),
  outcome: 'done',
  evidence: null,
  ...more,
});
const history = (steps: readonly Step[]): FlowHistory => ({
  id: 'f',
  kind: 'node.deploy',
  subjectId: 'n',
  status: 'succeeded',
  step: null,
  attempt: 1,
  waitingFor: null,
  cancelReason: null,
  error: null,
  createdAt: new Date(AT),
  endedAt: null,
  steps,
});
const because = (words: string) => history([step({ outcome: 'goto', evidence: { because: words } })]);

const bootServer = (address: string, silentSeconds: number) => ({
  cidr: '10.77.0.0/24',
  address,
  seenAt: new Date('2026-01-15T11:00:00Z'),
  silentSeconds,
});

const facts = (more: Partial<DiagnosisFacts>): DiagnosisFacts => ({
  node: { provision_state: 'deploy failed', last_error: null },
  history: undefined,
  events: [],
  beside: [],
  bootServers: [],
  ...more,
});

/** What goes right: a boot as it should be. */
const QUIET: readonly SeenEvent[] = [
  bmc(0, 'bmc.power', 'ok', { argument: 'off' }),
  bmc(0.5, 'bmc.power-state', 'ok', { answer: 'on' }),
  bmc(1, 'bmc.power-state', 'ok', { answer: 'off' }),
  bmc(1.5, 'bmc.boot', 'ok', { device: 'network' }),
  powerOn(2),
  dhcp(20, 'offer'),
  dhcp(20.01, 'ack'),
  event(22, 'tftp.read', { retransmits: 1 }),
  dhcp(24, 'offer', { xid: 8, userClasses: ['iPXE'] }),
  dhcp(24.01, 'ack', { xid: 8, userClasses: ['iPXE'] }),
  event(26, 'http.get'),
  event(60, 'agent.inspected'),
  event(70, 'agent.running'),
  event(80, 'agent.succeeded'),
];

const cases: Readonly<Record<string, Partial<DiagnosisFacts>>> = {
  'image-checksum': { events: [failed('image-checksum')] },
  'image-short': { events: [failed('image-short')] },
  'image-unreachable': { events: [failed('image-unreachable')] },
  'disk-too-small': { events: [failed('disk-too-small')] },
  'disk-vanished': { events: [failed('disk-write', 'writing failed: ENODEV: no such device')] },
  'disk-bad-sectors': { events: [failed('disk-write', 'writing failed: EIO: i/o error')] },
  'disk-slow': { history: history([step({ evidence: { result: { device: '/dev/sda', writtenBytes: 4e9, diskSeconds: 3000 } } })]) },
  'agent-killed': { events: [...QUIET.slice(0, 13), event(90, 'agent.inspected')] },
  'boot-server-disk-full': { events: [event(5, 'dhcp.journal-failed')] },
  'boot-server-silent': {
    events: [event(5, 'dhcp.silence', { reason: 'left-to-peer', leftTo: '10.77.0.2' })],
    bootServers: [bootServer('10.77.0.1', 4), bootServer('10.77.0.2', 400)],
  },
  'boot-server-restarted': { beside: [event(5, 'boot.started')] },
  'database-lost': { history: history([step({ outcome: 'takeover', evidence: { from: 'one' } })]) },
  'control-plane-killed': { history: history([step({ outcome: 'takeover', evidence: { from: 'another' } })]) },
  'bmc-credentials': { events: [bmc(1, 'bmc.power', 'auth')] },
  'bmc-session-limit': { events: [bmc(1, 'bmc.power', 'busy')] },
  'bmc-vendor-odd': { events: [bmc(1, 'bmc.power', 'protocol')] },
  'bmc-drops-packets': { events: [bmc(1, 'bmc.power', 'timeout'), bmc(9, 'bmc.power', 'ok', { argument: 'off' })] },
  'bmc-unreachable': { events: [bmc(1, 'bmc.power', 'unreachable'), bmc(9, 'bmc.power', 'unreachable')] },
  'bmc-power-lies': { events: [bmc(1, 'bmc.power', 'ok', { argument: 'off' }), bmc(9, 'bmc.power-state', 'ok', { answer: 'on' })] },
  'bmc-forgets-boot-device': {
    events: [bmc(1, 'bmc.boot', 'ok', { device: 'network' }), bmc(2, 'bmc.boot-setting', 'ok', { answer: { device: 'none' } })],
  },
  'bmc-slow': { events: [1, 9, 17].map((at) => bmc(at, 'bmc.identity', 'ok', { durationMs: 7000 })) },
  'rogue-dhcp': { events: [event(5, 'dhcp.silence', { reason: 'other-server-chosen' })] },
  'nic-no-link': { events: [finding('pxe-e61'), finding('no-bootable-device')] },
  'nic-wrong-network': { events: [event(5, 'dhcp.silence', { reason: 'no-subnet' })] },
  'nic-wrong-vlan': { events: [powerOn(1), finding('pxe-e51'), finding('no-bootable-device')] },
  'nic-wrong-port': {
    events: [inspected([{ path: 'nics[mac=02:00:00:00:00:01].lldp.portId', kind: 'changed', before: 'e4', after: 'e40' }])],
  },
  'unknown-architecture': { events: [event(5, 'dhcp.unsupported-architecture'), finding('pxe-e53')] },
  'malformed-packets': { beside: [event(5, 'dhcp.malformed')] },
  'network-duplicates': { events: [dhcp(20, 'offer'), dhcp(20.1, 'offer'), dhcp(20.2, 'ack'), dhcp(20.3, 'ack')] },
  'network-reorder': { events: [dhcp(24, 'offer', { secs: 4 }), dhcp(24.01, 'ack', { secs: 4 }), dhcp(27, 'offer')] },
  'network-delay': { events: [dhcp(20, 'offer'), dhcp(22.5, 'ack')] },
  'network-loss': { events: [dhcp(20, 'offer'), dhcp(24, 'offer', { secs: 4 }), dhcp(24.01, 'ack', { secs: 4 })] },
  'http-cut': { events: [event(26, 'http.aborted')] },
  'hang-firmware': { history: because('the machine sent no DHCP request and was not heard of for 15 minutes') },
  'hang-loader': { history: because('the firmware fell silent after "ACK" and was not heard of for 2 minutes') },
  'hang-kernel': { history: because('the kernel fell silent after "read ramdisk" and was not heard of for 10 minutes') },
  'hang-ramdisk': { history: because('the ramdisk fell silent after "ACK" and was not heard of for 5 minutes') },
};

for (const { name, advice, cause, wants } of DIAGNOSIS_RULES) {
  const given = cases[name] ?? { events: [finding(name.replace('console-', ''))] };
  test(`${name} is named first by its evidence`, () => {
    const [first] = diagnose(facts(given));
    assert.equal(first?.rule, name);
    assert.ok(first.evidence.length > 0 && advice !== '' && cause.endsWith('.') && wants !== '');
  });
}

test('a boot as it should be has no diagnosis, nor has a node without a flow', () => {
  assert.deepEqual(diagnose(facts({ events: QUIET, history: history([step({}), step({ outcome: 'wait' })]) })), []);
  assert.deepEqual(diagnose(facts({})), []);
});

test('a hang is told only when nothing tells why, and a machine that was told to stop is no liar', () => {
  const silent = because('the firmware fell silent after "ACK" and was not heard of for 2 minutes');
  const names = (given: Partial<DiagnosisFacts>) => diagnose(facts(given)).map(({ rule }) => rule);
  assert.deepEqual(names({ history: silent, events: [event(5, 'dhcp.silence', { reason: 'no-subnet' })] }), ['nic-wrong-network']);
  assert.deepEqual(names({ history: silent, beside: [event(5, 'boot.started')] }), ['boot-server-restarted']);
  const obeyed = [
    bmc(1, 'bmc.power', 'ok', { argument: 'off' }),
    bmc(3, 'bmc.power-state', 'ok', { answer: 'on' }),
    bmc(4, 'bmc.power-state', 'ok', { answer: 'off' }),
  ];
  assert.deepEqual(names({ events: obeyed }), []);
});

test('a boot from the network after the disk was set tells of a forgetful BMC', () => {
  const events = [bmc(1, 'bmc.boot', 'ok', { device: 'disk' }), powerOn(2), dhcp(30, 'offer')];
  assert.deepEqual(
    diagnose(facts({ events })).map(({ rule }) => rule),
    ['bmc-forgets-boot-device'],
  );
});

test('much evidence is cut to the first and the last', () => {
  const [one] = diagnose(facts({ events: [1, 2, 3, 4, 5].map((at) => bmc(at, 'bmc.power', 'busy', { at })) }));
  assert.equal(one!.evidence.length, 3);
  assert.match(one!.evidence.at(-1)!, /00:00:05/);
});

describe('a silent boot server', () => {
  const names = (given: Partial<DiagnosisFacts>) => diagnose(facts(given)).map(({ rule }) => rule);
  const silent = bootServer('10.77.0.2', 400);
  const alive = bootServer('10.77.0.1', 4);
  const unanswered = [powerOn(1), finding('ipxe-no-address')];
  test('is told of by name, since when, and with what to do', () => {
    const given = { events: [dhcp(5, 'offer', { inPlaceOf: '10.77.0.2' })], bootServers: [alive, silent] };
    const [first] = diagnose(facts(given));
    assert.equal(first?.rule, 'boot-server-silent');
    assert.match(
      first.evidence[0]!,
      /^boot server 10\.77\.0\.2 has not reported since 2026-01-15T11:00:00\.000Z, for 400 s; .*boot forget 10\.77\.0\.2 10\.77\.0\.0\/24$/,
    );
    assert.match(first.advice, /boot forget/);
  });
  test('explains a machine that nobody answers where there is no other, and not where there is', () => {
    assert.deepEqual(names({ events: unanswered, bootServers: [silent] }), ['boot-server-silent']);
    assert.deepEqual(names({ events: unanswered, bootServers: [alive, silent] }), ['nic-wrong-vlan']);
  });
  test('is nothing to a machine whose DHCP was not its own, and one that reports is not silent', () => {
    assert.deepEqual(names({ events: QUIET, bootServers: [alive, silent] }), []);
    const left = [event(5, 'dhcp6.silence', { reason: 'left-to-peer', leftTo: '10.77.0.1' })];
    assert.deepEqual(names({ events: left, bootServers: [alive, silent] }), []);
  });
});

test('a cable that was mended is no news to who boots again', () => {
  const before = [powerOn(1), finding('pxe-e51')];
  assert.equal(diagnose(facts({ events: before }))[0]?.rule, 'nic-wrong-vlan');
  assert.deepEqual(diagnose(facts({ events: [...before, powerOn(100)] })), []);
  assert.deepEqual(diagnose(facts({ events: [...before, powerOn(100), dhcp(120, 'offer'), dhcp(120.1, 'ack')] })), []);
});

test('a client whose clock jumps has lost nothing, one that asks again and again has', () => {
  const ipxe = (secs: readonly [number, number]) => [
    dhcp(24, 'offer', { userClasses: ['iPXE'], secs: secs[0] }),
    dhcp(24.02, 'ack', { userClasses: ['iPXE'], secs: secs[1] }),
  ];
  const names = (events: readonly SeenEvent[]) => diagnose(facts({ events: [powerOn(1), ...events] })).map(({ rule }) => rule);
  assert.deepEqual(names(ipxe([4, 10])), []);
  assert.deepEqual(names(ipxe([4, 4])), ['network-loss']);
});

test('firmware of every kind says in its own words that nobody offers an address', () => {
  for (const words of ['pxe-e51', 'pxe-e16', 'pxe-e18', 'ipxe-no-address'])
    assert.equal(diagnose(facts({ events: [powerOn(1), finding(words)] }))[0]?.rule, 'nic-wrong-vlan');
});

test('a disk is slow when it was waited for, not when the image came slowly', () => {
  const wrote = (result: object) =>
    diagnose(facts({ history: history([step({ evidence: { result: { device: '/dev/sda', ...result } } })]) }));
  assert.deepEqual(wrote({ writtenBytes: 2e9, seconds: 3000, diskSeconds: 20 }), []);
  assert.deepEqual(wrote({ writtenBytes: 1e6, seconds: 3, diskSeconds: 2 }), []);
  assert.match(wrote({ writtenBytes: 20e6, seconds: 30, diskSeconds: 20 })[0]!.evidence[0]!, /^\/dev\/sda was waited for 20 s for 20 MB$/);
});

test('a control plane that died between two calls of agents may have taken its word of the power with it', () => {
  const calls = [event(90, 'agent.inspected'), event(200, 'agent.inspected')];
  const names = (takenOverAt: number) => {
    const taken = step({ outcome: 'takeover', evidence: { from: 'another' }, endedAt: new Date(AT + takenOverAt * 1000) });
    return diagnose(facts({ events: calls, history: history([taken]) })).map(({ rule }) => rule);
  };
  assert.deepEqual(names(120), ['control-plane-killed']);
  assert.ok(names(300).includes('agent-killed'));
  const booted = step({ step: 'boot_agent', outcome: 'wait', endedAt: new Date(AT + 120_000) });
  assert.deepEqual(diagnose(facts({ events: calls, history: history([booted]) })), [], 'it was booted between them');
  const later = { ...history([]), createdAt: new Date(AT + 250_000) };
  assert.deepEqual(diagnose(facts({ events: calls, history: later })), [], 'in a flow before');
});
