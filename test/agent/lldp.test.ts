import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { runCommand } from '../../deploy-agent/native-command.ts';

const WORKER = fileURLToPath(new URL('lldp-worker.ts', import.meta.url));
const FRAME =
  '0180c200000e02000000000188cc' +
  '0207040200000000aa' +
  '040c0545746865726e6574312f37' +
  '06020078' +
  '0a066c6561662d31' +
  '0000'.padEnd(40, '0');

test('a neighbour heard on the right one of two NICs', async () => {
  const name = `rw-lldp-${process.pid}`;
  await runCommand('ip', ['netns', 'add', name]);
  try {
    for (const pair of ['a', 'b']) {
      await runCommand('ip', ['-n', name, 'link', 'add', `nic${pair}`, 'type', 'veth', 'peer', 'name', `peer${pair}`]);
      for (const nic of [`nic${pair}`, `peer${pair}`]) await runCommand('ip', ['-n', name, 'link', 'set', nic, 'up']);
    }
    const inside = (...args: string[]) =>
      runCommand('ip', ['netns', 'exec', name, process.execPath, '--disable-warning=ExperimentalWarning', WORKER, ...args]);
    const [heard] = await Promise.all([inside('listen', 'nica', 'nicb'), inside('send', 'peerb', FRAME)]);
    assert.deepEqual(JSON.parse(heard.toString()), {
      nicb: { chassisId: '02:00:00:00:00:aa', portId: 'Ethernet1/7', systemName: 'leaf-1' },
    });
  } finally {
    await runCommand('ip', ['netns', 'del', name]);
  }
});
