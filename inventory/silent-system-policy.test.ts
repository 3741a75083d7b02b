import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SeenEvent } from './diagnosis-rule-table.ts';
import { describeSilence } from './silent-system-policy.ts';

const AT = Date.parse('2030-01-01T00:00:00Z');
const event = (atSeconds: number, kind: string, evidence: object = {}): SeenEvent => ({
  at: new Date(AT + atSeconds * 1000),
  source: kind.split('.')[0]!,
  kind,
  evidence,
  severity: 'info',
  message: kind,
});
const ON = event(0, 'bmc.power', { outcome: 'ok', argument: 'on' });
const OFF = event(-60, 'bmc.power', { outcome: 'ok', argument: 'off' });
const LOGIN = event(90, 'console.finding', { pattern: 'login-prompt' });
const NODE = { provision_state: 'active', power_state: 'power on', console_enabled: true } as const;
const MINUTES = 60_000;

for (const [what, node, events, minutes, isTold] of [
  ['nothing at all', {}, [OFF, ON], 15, true],
  ['of firmware only', {}, [ON, event(30, 'dhcp.ack', { architecture: 0 }), event(40, 'http.script', { intent: 'disk' })], 20, true],
  ['of the system before', {}, [event(-90, 'console.finding', { pattern: 'login-prompt' }), ON], 20, true],
  ['it is too early to say', {}, [ON], 14, false],
  ['a login prompt', {}, [ON, LOGIN], 20, false],
  ['what stopped it', {}, [ON, event(9, 'console.finding', { pattern: 'grub-rescue' })], 20, false],
  ['it asked for an address', {}, [ON, event(50, 'dhcp.ack')], 20, false],
  ['nobody listens', { console_enabled: false }, [ON], 20, false],
  ['it is off', { power_state: 'power off' }, [ON], 20, false],
  ['it is not a system that runs', { provision_state: 'available' }, [ON], 20, false],
  ['nobody saw it start', {}, [OFF], 20, false],
] as const)
  test(`heard of a system: ${what}`, () => {
    const warning = describeSilence({ ...NODE, ...node }, events, undefined, AT + minutes * MINUTES);
    assert.equal(warning !== undefined, isTold);
    if (isTold) assert.match(warning!, new RegExp(`^2030-01-01T00:00:00.000Z console: nothing .* ${minutes} minutes ago`));
  });

const STARTED = {
  steps: [
    {
      step: 'run_steps',
      direction: 'do',
      attempt: 1,
      owner: 'one that died',
      startedAt: new Date(AT - 1000),
      endedAt: new Date(AT),
      outcome: 'goto',
      evidence: { step: 'deploy.boot_instance' },
    },
  ],
} as const;
const BEFORE = event(-300, 'bmc.power', { outcome: 'ok', argument: 'on' });
const AGENT = event(-290, 'dhcp.ack');

test('a control plane that died with the power-on left no event of it: the step that it did counts', () => {
  assert.equal(describeSilence(NODE, [BEFORE, AGENT], undefined, AT + 16 * MINUTES), undefined);
  assert.match(describeSilence(NODE, [BEFORE, AGENT], STARTED, AT + 16 * MINUTES)!, /switched on 16 minutes ago/);
  assert.match(describeSilence(NODE, [], STARTED, AT + 16 * MINUTES)!, /switched on 16 minutes ago/);
  assert.equal(describeSilence(NODE, [BEFORE, AGENT, LOGIN], STARTED, AT + 16 * MINUTES), undefined);
});
