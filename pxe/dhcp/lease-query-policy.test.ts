import assert from 'node:assert/strict';
import test from 'node:test';
import { ipv4FromNumber, ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import { macAddressFromBytes, macAddressToBytes } from '../../core/base/mac-address.ts';
import type { BootModel, LeaseRecord } from '../boot-model.ts';
import { LeaseTable } from '../lease/lease-table.ts';
import { indexModel } from '../model/model-index.ts';
import type { DhcpMessage } from './dhcp-message-codec.ts';
import { decodeUint32, encodeUint8, MESSAGE_TYPE, OPTION } from './dhcp-option-codec.ts';
import { answerLeaseQuery } from './lease-query-policy.ts';

const MAC = '52:54:00:00:00:01';
const CLIENT_ID = '01525400000001';
const NOW = 1_000_000;
const ip = (text: string) => ipv4ToNumber(text)!;
const subnet = (id: string, network: string) => ({
  id,
  cidr: `${network}.0/24`,
  serverAddress: `${network}.1`,
  dnsServers: [],
  pools: [[`${network}.50`, `${network}.59`]] as const,
  leaseSeconds: 600,
  routerAdvertisements: false,
});
const model: BootModel = {
  version: 1,
  bootSecret: '',
  subnets: [subnet('a', '10.77.0'), subnet('b', '10.78.0')],
  hosts: [],
  leaseQueriesFrom: ['10.77.0.254'],
  files: { agentKernel: '', agentRamdisk: '', agentCommandLine: '', ipxeDirectory: '', imageDirectory: '' },
};
const lease = (over: Partial<LeaseRecord>): LeaseRecord => ({
  ipAddress: '10.77.0.50',
  mac: MAC,
  clientId: CLIENT_ID,
  subnetId: 'a',
  state: 'bound',
  expiresAtMs: NOW + 400_000,
  sequence: 1,
  ...over,
});

function query(over: Partial<DhcpMessage>, options: [number, Buffer][] = []) {
  const leases = new LeaseTable(ipv4ToNumber);
  leases.put(lease({}));
  leases.put(lease({ ipAddress: '10.78.0.51', subnetId: 'b', sequence: 2 }));
  leases.put(lease({ ipAddress: '10.77.0.52', mac: '52:54:00:00:00:02', clientId: 'ff', state: 'released', sequence: 3 }));
  const none = { op: 1, htype: 0, hops: 0, xid: 7, secs: 0, flags: 0, ciaddr: 0, yiaddr: 0, siaddr: 0, sname: '', file: '' };
  const request = {
    ...none,
    giaddr: ip('10.77.0.254'),
    chaddr: Buffer.alloc(0),
    options: new Map([[OPTION.messageType, encodeUint8(MESSAGE_TYPE.leaseQuery)], ...options]),
    ...over,
  };
  return answerLeaseQuery(request, { index: indexModel(model), leases, nowMs: NOW });
}
const byMac = { htype: 1, chaddr: macAddressToBytes(MAC) };

test('by address: who has it, for how long, and since when', () => {
  const answer = query({ ciaddr: ip('10.77.0.50') });
  assert.ok(answer.kind === 'answer');
  const { message } = answer;
  assert.deepEqual([answer.type, answer.relay, macAddressFromBytes(message.chaddr)], ['active', ip('10.77.0.254'), MAC]);
  const seconds = (code: number) => decodeUint32(message.options.get(code));
  assert.deepEqual(
    [OPTION.leaseTime, OPTION.renewalTime, OPTION.rebindingTime, OPTION.clientLastTransactionTime].map(seconds),
    [400, 100, 325, 200],
  );
  assert.equal(message.options.get(OPTION.clientIdentifier)?.toString('hex'), CLIENT_ID);
  assert.equal(message.options.get(OPTION.messageType)?.[0], MESSAGE_TYPE.leaseActive);
});

for (const [what, over, options] of [
  ['MAC', byMac, []],
  ['client identifier', {}, [[OPTION.clientIdentifier, Buffer.from(CLIENT_ID, 'hex')]]],
] as [string, Partial<DhcpMessage>, [number, Buffer][]][])
  test(`by ${what}: the newest address, and all of them in option 92`, () => {
    const answer = query(over, options);
    assert.ok(answer.kind === 'answer');
    assert.equal(ipv4FromNumber(answer.message.ciaddr), '10.78.0.51');
    assert.equal(answer.message.options.get(OPTION.associatedAddress)?.toString('hex'), '0a4e00330a4d0032');
  });

for (const [what, over, options, expected] of [
  ['an address of a pool that nobody has', { ciaddr: ip('10.77.0.55') }, [], 'unassigned'],
  ['one that was given back', { ciaddr: ip('10.77.0.52') }, [], 'unassigned'],
  ['an address of nobody’s pool', { ciaddr: ip('9.9.9.9') }, [], 'unknown'],
  ['a MAC without a lease', { htype: 1, chaddr: macAddressToBytes('52:54:00:00:00:77') }, [], 'unknown'],
  ['a client identifier without a lease', {}, [[OPTION.clientIdentifier, Buffer.from([9])]], 'unknown'],
  ['a relay that is not allowed to', { ...byMac, giaddr: ip('10.77.0.253') }, [], 'not-allowed'],
  ['somebody without a relay', { ...byMac, giaddr: 0 }, [], 'no-relay'],
  ['two things at once', { ...byMac, ciaddr: ip('10.77.0.50') }, [], 'unclear'],
  ['nothing', {}, [], 'unclear'],
] as [string, Partial<DhcpMessage>, [number, Buffer][], string][])
  test(`a query for ${what}: ${expected}`, () => {
    const answer = query(over, options);
    assert.equal(answer.kind === 'answer' ? answer.type : answer.reason, expected);
  });
