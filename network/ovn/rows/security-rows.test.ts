import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SecurityRuleFact } from '../network-state.ts';
import { matchOf } from './security-rows.ts';

const rule = (more: Partial<SecurityRuleFact>): SecurityRuleFact => ({
  id: 'r',
  direction: 'ingress',
  ethertype: 'IPv4',
  protocol: null,
  portMin: null,
  portMax: null,
  remotePrefix: null,
  remoteGroupId: null,
  remoteAddressGroupId: null,
  ...more,
});

test('a rule as OVN reads it', () => {
  const cases: readonly (readonly [Partial<SecurityRuleFact>, string])[] = [
    [{}, 'ip4'],
    [{ ethertype: 'IPv6', direction: 'egress', remotePrefix: '::/0' }, 'ip6'],
    [{ protocol: 'tcp', portMin: 22, portMax: 22, remotePrefix: '10.0.0.0/8' }, 'ip4 && ip4.src == 10.0.0.0/8 && tcp && tcp.dst == 22'],
    [
      { protocol: 'udp', portMin: 1000, portMax: 2000, direction: 'egress', remotePrefix: '192.0.2.1/32' },
      'ip4 && ip4.dst == 192.0.2.1/32 && udp && udp.dst >= 1000 && udp.dst <= 2000',
    ],
    [{ protocol: 'icmp', portMin: 8, portMax: 0 }, 'ip4 && icmp4 && icmp4.type == 8 && icmp4.code == 0'],
    [{ protocol: 'icmpv6', ethertype: 'IPv6' }, 'ip6 && icmp6'],
    [{ protocol: '112' }, 'ip4 && ip.proto == 112'],
    [{ protocol: 'vrrp' }, 'ip4 && ip.proto == 112'],
    [{ remoteGroupId: 'a-b' }, 'ip4 && ip4.src == $pg_a_b_ip4'],
    [{ remoteAddressGroupId: 'a-b', ethertype: 'IPv6' }, 'ip6 && ip6.src == $as_a_b_ip6'],
  ];
  for (const [more, match] of cases) assert.equal(matchOf(rule(more)).join(' && '), match);
});
