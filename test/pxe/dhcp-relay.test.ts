import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { after, before, test } from 'node:test';
import { type BootWire, makeBootWire, until } from './boot-wire.ts';

/** ISC dhcrelay between a client network and the boot plane: client ── tenant0 [relay] eth0 ── boot0 [boot plane]. */
const run = promisify(execFile);
let wire: BootWire;
let relay: ReturnType<typeof spawn> | undefined;
const leafSpace = `rwpxe-l-${process.pid}`;

before(async () => {
  wire = await makeBootWire();
  const { model } = wire.settings;
  const far = {
    ...model.subnets[0]!,
    id: 'far',
    cidr: '10.78.0.0/24',
    gateway: '10.78.0.1',
    pools: [],
    discoveryPool: ['10.78.0.100', '10.78.0.199'] as const,
    routerAdvertisements: false,
  };
  const { interface: _, ...relayed } = far;
  const relayRules = [{ circuitId: 'tenant*', rack: 'r7', pool: ['10.78.0.150', '10.78.0.159'] }];
  Object.assign(wire.settings, { model: { ...model, relayRules, subnets: [...model.subnets, relayed] } });
  const onRelay = (...args: string[]) => wire.client('ip', ...args);
  await onRelay('addr', 'add', '10.77.0.2/24', 'dev', 'eth0');
  await run('ip', ['netns', 'add', leafSpace]);
  await run('ip', ['-n', wire.clientSpace, 'link', 'add', 'tenant0', 'type', 'veth', 'peer', 'name', 'leaf0', 'netns', leafSpace]);
  await onRelay('addr', 'add', '10.78.0.1/24', 'dev', 'tenant0');
  await onRelay('link', 'set', 'tenant0', 'up');
  await run('ip', ['-n', leafSpace, 'link', 'set', 'leaf0', 'address', '52:54:00:78:00:01', 'up']);
  await wire.server('ip', 'route', 'add', '10.78.0.0/24', 'via', '10.77.0.2');
  await wire.start();
  relay = spawn(
    'ip',
    ['netns', 'exec', wire.clientSpace, 'dhcrelay', '-4', '-d', '-a', '-m', 'append', '-i', 'tenant0', '-i', 'eth0', '10.77.0.1'],
    { stdio: 'ignore' },
  );
});
after(async () => {
  relay?.kill('SIGKILL');
  await run('ip', ['netns', 'del', leafSpace]).catch(() => {});
  await wire.remove();
});

test('a client behind a relay gets an address of its rack, with option 82 sent back to the relay', async () => {
  await until('an address through the relay', async () => {
    const { stderr } = await run('ip', [
      'netns',
      'exec',
      leafSpace,
      'udhcpc',
      '-i',
      'leaf0',
      '-n',
      '-q',
      '-f',
      '-t',
      '3',
      '-T',
      '1',
      '-s',
      '/bin/true',
    ]).catch((error: { stderr: string }) => error);
    return /lease of 10\.78\.0\.15\d obtained from 10\.77\.0\.1/.test(stderr);
  });
  const ack = wire.events().findLast((e) => e.kind === 'dhcp.ack');
  assert.equal(ack?.evidence?.['via'], 'relay 10.78.0.1');
  assert.deepEqual([ack.evidence['circuitId'], ack.evidence['rack']], ['tenant0', 'r7']);
  assert.match(ack.message, /in rack r7/);
  await until('the stored lease', () => wire.stored().some((l) => l.subnetId === 'far' && l.mac === '52:54:00:78:00:01'));
});
