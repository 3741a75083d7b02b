import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { agentArguments } from '../script/ipxe-script-policy.ts';
import { kernelLine } from './kernel-line-policy.ts';

const boot = {
  mac: '52:54:00:00:00:01',
  token: 'TOKEN.MAC',
  host: {
    nodeId: '11111111-2222-3333-4444-555555555555',
    name: 'm',
    macs: [],
    reservations: {},
    boot: { kind: 'agent', reason: '' },
  } as const,
  agentCommandLine: 'quiet rackwright.api=https://10.77.0.1:5443',
};

test('the line is as long as its place, whatever is in it', () => {
  const line = kernelLine(agentArguments(boot), 4096);
  assert.equal(line?.length, 4096);
  assert.equal(
    line?.toString().trimEnd(),
    "linux /boot/kernel 'BOOTIF=52:54:00:00:00:01' 'rackwright.token=TOKEN.MAC' 'rackwright.node=11111111-2222-3333-4444-555555555555' 'quiet' 'rackwright.api=https://10.77.0.1:5443' 'console=tty0' 'console=ttyS0,115200'",
  );
  assert.equal(kernelLine(agentArguments(boot), 20), undefined);
});

test('no argument gets out of its quotes or starts a line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
      const line = kernelLine(agentArguments({ ...boot, agentCommandLine: text }), 8192)!.toString();
      assert.doesNotMatch(line, /[\r\n]/);
      assert.match(line.trimEnd(), /^linux \/boot\/kernel( '[^']*')+$/);
    }),
  );
});
