import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeHeldLink, type PortLink } from './held-link-policy.ts';

const recorded = { switch_id: '28-99-3A-00-00-01', port_id: 'Ethernet1/9' };
const cases: readonly [what: string, recorded: PortLink, told: PortLink, sentences: number][] = [
  [
    'the same port, the MAC written otherwise',
    recorded,
    { switch_id: '28:99:3a:00:00:01', port_id: 'Ethernet1/9', switch_info: 'leaf' },
    0,
  ],
  ['another port', recorded, { switch_id: '28:99:3a:00:00:01', port_id: 'Ethernet1/4' }, 1],
  ['another switch', recorded, { switch_id: '28:99:3a:00:00:02', port_id: 'Ethernet1/9' }, 1],
  ['LLDP tells nothing', recorded, {}, 0],
  ['the operator wrote something else', { switch_info: 'by the door' }, { switch_id: 'a', port_id: 'b' }, 0],
];
for (const [what, own, told, sentences] of cases)
  test(what, () => assert.equal(describeHeldLink('52:54:00:00:00:0a', 'u', own, told).length, sentences));
