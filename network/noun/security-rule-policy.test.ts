import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkError } from '../network-error.ts';
import { checkRule, protocolNumber } from './security-rule-policy.ts';

const NONE = { protocol: null, port_range_min: null, port_range_max: null, ethertype: 'IPv4', remote_ip_prefix: null };
const refusal = (values: object): string | undefined => {
  try {
    checkRule({ ...NONE, ...values });
    return undefined;
  } catch (error) {
    assert.ok(error instanceof NetworkError);
    return error.type;
  }
};

test('what a rule may say, and why not', () => {
  const ports = (min: number | null, max: number | null) => ({ port_range_min: min, port_range_max: max });
  const cases: readonly (readonly [values: object, refusal: string | undefined])[] = [
    [{}, undefined],
    [{ protocol: 'tcp', ...ports(1, 65_535) }, undefined],
    [{ protocol: 'tcp', ...ports(5, 4) }, 'SecurityGroupInvalidPortRange'],
    [{ protocol: 'tcp', ...ports(5, null) }, 'SecurityGroupInvalidPortRange'],
    [{ protocol: 'tcp', ...ports(0, 0) }, 'SecurityGroupInvalidPortValue'],
    [ports(1, 2), 'SecurityGroupProtocolRequiredWithPorts'],
    [{ protocol: 'esp', ...ports(1, 2) }, 'SecurityGroupInvalidProtocolForPort'],
    [{ protocol: 'icmp', ...ports(8, 0) }, undefined],
    [{ protocol: 'icmp', ...ports(300, 0) }, 'SecurityGroupInvalidIcmpValue'],
    [{ protocol: 'icmp', ...ports(null, 0) }, 'SecurityGroupMissingIcmpType'],
    [{ protocol: 'ipv6-icmp' }, 'SecurityGroupEthertypeConflictWithProtocol'],
    [{ protocol: '58' }, 'SecurityGroupEthertypeConflictWithProtocol'],
    [{ protocol: 'ipv6-icmp', ethertype: 'IPv6' }, undefined],
    [{ remote_ip_prefix: '2001:db8::/32' }, 'SecurityGroupRuleParameterConflict'],
    [{ remote_ip_prefix: '10.0.0.0/8', remote_group_id: 'x' }, 'SecurityGroupMultipleRemoteEntites'],
  ];
  for (const [values, wanted] of cases) assert.equal(refusal(values), wanted, JSON.stringify(values));
});

test('a prefix is kept as it was written, and told without its host bits', () => {
  assert.equal(checkRule({ ...NONE, remote_ip_prefix: '10.0.0.5/8' }).normalized_cidr, '10.0.0.0/8');
});

test('names and numbers of one protocol are the same', () => {
  assert.deepEqual(['tcp', '6', 'icmpv6', 'ipv6-icmp', null].map(protocolNumber), [6, 6, 58, 58, null]);
});
