import assert from 'node:assert/strict';
import test from 'node:test';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { macAddressToBytes } from '../../core/base/mac-address.ts';
import type { BootModel, ProxyMode } from '../boot-model.ts';
import { LeaseTable } from '../lease/lease-table.ts';
import { indexModel } from '../model/model-index.ts';
import { BOOT_REQUEST, type DhcpMessage } from './dhcp-message-codec.ts';
import { encodeUint32, encodeUint8, MESSAGE_TYPE, OPTION } from './dhcp-option-codec.ts';
import { answerDhcp } from './dhcp-policy.ts';

const KNOWN = '52:54:00:00:00:01';
const STRANGER = '52:54:00:00:00:99';
const PXE_UEFI: [number, Buffer][] = [
  [OPTION.vendorClass, Buffer.from('PXEClient:Arch:00007:UNDI:003001')],
  [OPTION.clientArchitecture, Buffer.from([0, 7])],
];

const model = (proxy: ProxyMode | undefined): BootModel => ({
  version: 1,
  bootSecret: '',
  subnets: [
    {
      id: 'office',
      cidr: '10.77.0.0/24',
      interface: 'boot0',
      serverAddress: '10.77.0.2',
      dnsServers: [],
      pools: [],
      leaseSeconds: 600,
      routerAdvertisements: false,
      ...(proxy ? { proxy } : {}),
    },
  ],
  hosts: [{ nodeId: 'n1', name: 'm1', macs: [KNOWN], reservations: {}, boot: { kind: 'agent', reason: 'test' } }],
  files: { agentKernel: '', agentRamdisk: '', agentCommandLine: '', ipxeDirectory: '', imageDirectory: '' },
});

interface Ask {
  readonly proxy?: ProxyMode | undefined;
  readonly type?: keyof typeof MESSAGE_TYPE;
  readonly mac?: string;
  readonly options?: readonly [number, Buffer][];
  readonly ciaddr?: string;
  readonly on4011?: boolean;
}

function ask({ type = 'discover', mac = KNOWN, options = PXE_UEFI, ciaddr, on4011, ...rest }: Ask = {}) {
  const request: DhcpMessage = {
    op: BOOT_REQUEST,
    htype: 1,
    hops: 0,
    xid: 7,
    secs: 0,
    flags: 0x8000,
    ciaddr: ciaddr ? ipv4ToNumber(ciaddr)! : 0,
    yiaddr: 0,
    siaddr: 0,
    giaddr: 0,
    chaddr: macAddressToBytes(mac),
    sname: '',
    file: '',
    options: new Map([[OPTION.messageType, encodeUint8(MESSAGE_TYPE[type])], ...options]),
  };
  return answerDhcp(request, {
    index: indexModel(model('proxy' in rest ? rest.proxy : 'known')),
    leases: new LeaseTable(ipv4ToNumber),
    interface: 'boot0',
    httpPort: 8080,
    nowMs: 1,
    proxyAskedFrom: on4011 ? { address: ipv4ToNumber('10.77.0.60')!, port: 4011 } : undefined,
  });
}

test('firmware is offered its file and told to load it at once, without an address', () => {
  const offer = ask();
  assert.ok(offer.kind === 'reply', offer.why);
  const { message } = offer;
  assert.deepEqual([offer.type, message.yiaddr, message.file], ['offer', 0, 'snponly.efi']);
  assert.equal(message.siaddr, ipv4ToNumber('10.77.0.2'));
  assert.equal(message.options.get(OPTION.vendorClass)?.toString(), 'PXEClient');
  assert.deepEqual(message.options.get(OPTION.vendorInformation), Buffer.from([6, 1, 8, 255]));
  assert.deepEqual(offer.destination, { kind: 'broadcast' });
  assert.deepEqual([offer.leases, offer.hold], [[], undefined]);
  for (const code of [OPTION.leaseTime, OPTION.subnetMask, OPTION.router]) assert.equal(message.options.get(code), undefined, String(code));
});

test('on port 4011 a REQUEST is acknowledged to where it came from', () => {
  const ack = ask({ type: 'request', ciaddr: '10.77.0.60', on4011: true });
  assert.ok(ack.kind === 'reply', ack.why);
  assert.deepEqual([ack.type, ack.message.file], ['ack', 'snponly.efi']);
  assert.deepEqual(ack.destination, { kind: 'sender', address: ipv4ToNumber('10.77.0.60'), port: 4011 });
});

test('UEFI HTTP Boot gets a URL under its own class, iPXE its script', () => {
  const http = ask({
    options: [
      [OPTION.vendorClass, Buffer.from('HTTPClient:Arch:00016')],
      [OPTION.clientArchitecture, Buffer.from([0, 16])],
    ],
  });
  assert.ok(http.kind === 'reply');
  assert.equal(http.message.file, 'http://10.77.0.2:8080/boot/snponly.efi');
  assert.equal(http.message.options.get(OPTION.vendorClass)?.toString(), 'HTTPClient');
  const ipxe = ask({ options: [...PXE_UEFI, [OPTION.userClass, Buffer.from('iPXE')]] });
  assert.ok(ipxe.kind === 'reply');
  assert.match(ipxe.message.file, /^http:\/\/10\.77\.0\.2:8080\/boot\/ipxe/);
});

for (const [what, given, reason] of [
  ['a stranger where known machines are answered', { mac: STRANGER }, 'stranger-not-answered'],
  ['a system that only wants an address', { options: [] }, 'not-booting'],
  ['firmware that we have no file for', { options: [[OPTION.vendorClass, Buffer.from('PXEClient:Arch:00006')]] }, 'not-booting'],
  [
    'the REQUEST that takes the other server’s offer',
    { type: 'request', options: [...PXE_UEFI, [OPTION.serverIdentifier, encodeUint32(1)]] },
    'left-to-other-server',
  ],
  ['a RELEASE', { type: 'release' }, 'left-to-other-server'],
  ['a DISCOVER on port 4011', { on4011: true }, 'left-to-other-server'],
  ['port 4011 where we are no proxy', { proxy: undefined, type: 'request', on4011: true }, 'no-proxy-here'],
] as [string, Ask, string][])
  test(`${what} is let be: ${reason}`, () => {
    const quiet = ask(given);
    assert.equal(quiet.kind === 'silence' && quiet.reason, reason);
  });

for (const proxy of ['everyone', 'enroll'] as const)
  test(`a stranger boots where the proxy answers ${proxy}`, () => assert.equal(ask({ proxy, mac: STRANGER }).kind, 'reply'));
