import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOOT_TRIES_MAX, judgeSilence, KERNEL_SILENCE_MS, type BootSign } from './boot-silence-policy.ts';

const minutes = (count: number) => count * 60_000;
const sign = (kind: string, atMinute: number): BootSign => ({
  source: kind.split('.')[0]!,
  kind,
  message: `the last ${kind}`,
  atMs: minutes(atMinute),
});

const cases: readonly [string, BootSign | undefined, number, number, string, RegExp?][] = [
  ['a big machine tests its memory', undefined, 14, 1, 'wait'],
  ['no DHCP request at all', undefined, 15, 1, 'boot-again', /no DHCP request/],
  ['the firmware asked and got no file', sign('dhcp.offer', 1), 2, 1, 'wait'],
  ['the boot server died under the firmware', sign('dhcp.ack', 1), 4, 1, 'boot-again', /firmware fell silent after "the last dhcp.ack"/],
  ['iPXE has its script and stops', sign('http.script', 1), 3, 2, 'boot-again', /firmware/],
  ['the kernel boots slowly', sign('http.file', 1), 10, 1, 'wait'],
  ['the kernel panicked', sign('http.file', 1), 12, 1, 'boot-again', /kernel/],
  ['the agent looked at its hardware', sign('agent.inspected', 2), 5, 1, 'wait'],
  ['a download that always breaks off goes on', sign('http.script', 39), 39.5, 1, 'wait'],
  [
    'firmware without a boot file asks for ever',
    sign('dhcp.ack', 39.9),
    40,
    1,
    'boot-again',
    /after 40 minutes it was still no further than "the last dhcp.ack"/,
  ],
  ['the third boot is as silent', sign('dhcp.ack', 1), 4, BOOT_TRIES_MAX, 'give-up', /firmware/],
];

for (const [story, last, nowMinute, tries, wanted, because] of cases) {
  test(`${story}: ${wanted}`, () => {
    const verdict = judgeSilence({ sign: last, poweredOnAtMs: 0, nowMs: minutes(nowMinute), tries });
    assert.equal(verdict.kind, wanted);
    if (because && verdict.kind !== 'wait') assert.match(verdict.because, because);
  });
}

test('a wait always ends after some time, and its end is judged dead', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: KERNEL_SILENCE_MS }),
      fc.constantFrom('dhcp.ack', 'tftp.sent', 'http.file', 'agent.log'),
      (atMs, kind) => {
        const facts = { sign: { ...sign(kind, 0), atMs }, poweredOnAtMs: 0, tries: 1 };
        const verdict = judgeSilence({ ...facts, nowMs: atMs });
        assert.ok(verdict.kind === 'wait' && verdict.forMs > 0);
        assert.equal(judgeSilence({ ...facts, nowMs: atMs + verdict.forMs }).kind, 'boot-again');
      },
    ),
  );
});
