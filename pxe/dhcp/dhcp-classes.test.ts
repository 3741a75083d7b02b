import assert from 'node:assert/strict';
import test from 'node:test';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { macAddressToBytes } from '../../core/base/mac-address.ts';
import type { BootModel } from '../boot-model.ts';
import { LeaseTable } from '../lease/lease-table.ts';
import { indexModel } from '../model/model-index.ts';
import { encodeUint8, MESSAGE_TYPE, OPTION } from './dhcp-option-codec.ts';
import { answerDhcp } from './dhcp-policy.ts';

const MACHINE = '52:54:00:00:00:01';
const hex = (text: string) => Buffer.from(text).toString('hex');
const model: BootModel = {
  version: 1,
  bootSecret: '',
  subnets: [
    {
      id: 'a',
      cidr: '10.77.0.0/24',
      interface: 'boot0',
      serverAddress: '10.77.0.1',
      dnsServers: [],
      domain: 'rack.test',
      pools: [],
      discoveryPool: ['10.77.0.100', '10.77.0.109'],
      leaseSeconds: 600,
      routerAdvertisements: false,
      options: { 42: '0a4d0001', 200: hex('subnet') },
    },
  ],
  classes: [
    { name: 'switches', vendorClass: 'Arista*', options: { 200: hex('switches'), 201: hex('only') }, bootFile: 'ztp.sh' },
    { name: 'arm', architectures: [11], options: { 200: hex('arm') } },
    { name: 'both', vendorClass: 'Arista*', userClass: 'lab', options: { 200: hex('both') } },
    { name: 'elsewhere', vendorClass: 'Arista*', subnetIds: ['b'], options: { 202: 'ff' } },
  ],
  hosts: [
    {
      nodeId: 'n1',
      name: 'm1',
      macs: [MACHINE],
      reservations: {},
      boot: { kind: 'agent', reason: 'test' },
      options: { 200: hex('machine'), 15: hex('own.test') },
    },
  ],
  files: { agentKernel: '', agentRamdisk: '', agentCommandLine: '', ipxeDirectory: '', imageDirectory: '' },
};

function offer(mac: string, ...given: [number, Buffer][]) {
  const none = { hops: 0, xid: 7, secs: 0, flags: 0, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0, sname: '', file: '' };
  const options = new Map([[OPTION.messageType, encodeUint8(MESSAGE_TYPE.discover)], ...given]);
  const decision = answerDhcp(
    { op: 1, htype: 1, ...none, chaddr: macAddressToBytes(mac), options },
    { index: indexModel(model), leases: new LeaseTable(ipv4ToNumber), interface: 'boot0', httpPort: 8080, nowMs: 1 },
  );
  assert.ok(decision.kind === 'reply', decision.why);
  return { ...decision, text: (code: number) => decision.message.options.get(code)?.toString() };
}
const arista: [number, Buffer] = [OPTION.vendorClass, Buffer.from('Arista;DCS-7050')];

for (const [who, mac, options, expected, file] of [
  ['anybody', '52:54:00:00:00:99', [], 'subnet', ''],
  ['a switch', '52:54:00:00:00:99', [arista], 'switches', 'ztp.sh'],
  ['one in two classes', '52:54:00:00:00:99', [arista, [OPTION.userClass, Buffer.from('lab')]], 'both', 'ztp.sh'],
  ['an arm machine', '52:54:00:00:00:99', [[OPTION.clientArchitecture, Buffer.from([0, 11])]], 'arm', undefined],
  ['the machine that has an option of its own', MACHINE, [arista], 'machine', 'ztp.sh'],
] as [string, string, [number, Buffer][], string, string | undefined][])
  test(`option 200 for ${who}: ${expected}`, () => {
    const { text, message } = offer(mac, ...options);
    assert.equal(text(200), expected);
    assert.deepEqual(message.options.get(42), Buffer.from('0a4d0001', 'hex'));
    assert.equal(text(202), undefined);
    if (file !== undefined) assert.equal(message.file, file);
  });

test('a machine’s own domain goes before its network’s, and its classes are told', () => {
  const machine = offer(MACHINE, arista);
  assert.deepEqual([machine.text(15), machine.text(201), machine.classes], ['own.test', 'only', ['switches']]);
});

test('iPXE gets its script whatever class it is in', () => {
  assert.match(offer(MACHINE, arista, [OPTION.userClass, Buffer.from('iPXE')]).message.file, /\/boot\/ipxe/);
});

test('a code that a reply needs for itself is named as a problem and left out', () => {
  const subnets = [{ ...model.subnets[0]!, options: { 54: '01020304', 200: 'zz' } }];
  assert.equal(indexModel({ ...model, subnets }).problems.length, 2);
});
