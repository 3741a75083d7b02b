import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectSwitch } from '../../network/switch/connect-switch.ts';
import type { SwitchError, PortVlans, SwitchDriver } from '../../network/switch/switch-driver.ts';
import { startOvs, type OvsRig } from './ovs-rig.ts';

/** Our driver before a real Open vSwitch, which tells where it would send a frame. */
const { signal } = new AbortController();
let rig: OvsRig;
let driver: SwitchDriver;
const vlans = (untagged: number | null, ...tagged: number[]): PortVlans => ({ untagged, tagged });

before(async () => {
  rig = await startOvs('br0', ['p1', 'p2', 'p3', 'up']);
  driver = connectSwitch({
    name: 'ovs',
    chassisMac: '',
    physicalNetwork: 'physnet1',
    touches: null,
    access: { driver: 'ovs', remotes: [rig.remote], bridge: 'br0' },
  });
});
after(async () => {
  driver?.close();
  await rig?.stop();
});

test('it says who it is', async () => {
  const { chassisMac, software } = await driver.describe(signal);
  assert.match(chassisMac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
  assert.match(software, /^Open vSwitch/);
});

test('each kind of port is made, is read as it was made, and frames go accordingly', async () => {
  const wished = new Map([
    ['p1', vlans(101)],
    ['p2', vlans(102, 101)],
    ['p3', vlans(null)],
  ]);
  await driver.writePorts(wished, signal);
  assert.deepEqual(
    [...(await driver.readPorts(['p1', 'p2', 'p3', 'up', 'elsewhere'], signal))],
    [...wished, ['up', { untagged: null, tagged: 'all' }]],
  );
  assert.deepEqual(await rig.flood('p1'), ['p2:101', 'up:101']);
  assert.deepEqual(await rig.flood('p2'), ['up:102']);
  assert.deepEqual(await rig.flood('p2', 101), ['p1:0', 'up:101']);
  for (const tag of [undefined, 101, 1, 4094]) assert.deepEqual(await rig.flood('p3', tag), [], `closed, tag ${tag}`);
  assert.deepEqual(await rig.flood('p1', 102), []);
  await driver.writePorts(
    new Map([
      ['p3', vlans(101)],
      ['p1', vlans(null)],
    ]),
    signal,
  );
  assert.deepEqual(await rig.flood('p3'), ['p2:101', 'up:101']);
});

test('ports become a bond with LACP, and are alone again; what Open vSwitch has no bond for is refused by name', async () => {
  const lag = { mode: 'lacp', members: ['p1', 'p2'] } as const;
  const bonded = (untagged: number, of: PortVlans['lag'] = lag) =>
    new Map(of!.members.map((name) => [name, { ...vlans(untagged), lag: of! }]));
  await driver.writePorts(new Map([['p3', vlans(101)]]), signal);
  await driver.writePorts(bonded(101), signal);
  await driver.writePorts(bonded(101), signal);
  assert.deepEqual(await driver.readPorts(['p1', 'p2', 'p3'], signal), new Map([...bonded(101), ['p3', vlans(101)]]));
  const shown = async (column: string) => (await rig.vsctl('get', 'port', 'bond-p1', column)).trim();
  assert.deepEqual([await shown('lacp'), await shown('bond_mode'), await shown('tag')], ['active', 'balance-tcp', '101']);
  assert.equal(
    (await rig.vsctl('list-ports', 'br0')).includes('p1\n') && !(await rig.vsctl('list-ports', 'br0')).includes('bond-p1'),
    false,
  );
  const out = (await rig.flood('p3')).filter((each) => !each.startsWith('up'));
  assert.ok(out.length <= 1, `to one member at most: ${out.join()}`);
  assert.deepEqual(
    (await rig.flood('p2')).filter((each) => /^p[12]/.test(each)),
    [],
  );

  await driver.writePorts(bonded(102), signal);
  assert.equal(await shown('tag'), '102');
  for (const [wish, words] of [
    [bonded(102, { mode: 'static', members: ['p1', 'p2'] }), /Open vSwitch has no static LAG: p1, p2/],
    [bonded(102, { mode: 'lacp', members: ['p3'] }), /no bond of one port: p3/],
    [new Map([['p1', vlans(102)]]), /p2 is in a bond with others/],
    [new Map([['p3', { ...vlans(102), lag: { mode: 'lacp', members: ['p2', 'p3'] } as const }]]), /p2 is to be in a LAG of p2, p3/],
  ] as const)
    await assert.rejects(driver.writePorts(wish, signal), words);
  const alone = new Map([
    ['p1', vlans(102)],
    ['p2', vlans(null)],
  ]);
  await driver.writePorts(alone, signal);
  assert.deepEqual(await driver.readPorts(['p1', 'p2'], signal), alone);
  assert.deepEqual((await rig.vsctl('list-ports', 'br0')).trim().split('\n').toSorted(), ['p1', 'p2', 'p3', 'up']);
});

test('a port that is not there is refused, and the others stay', async () => {
  await driver.writePorts(new Map([['p1', vlans(7)]]), signal);
  await assert.rejects(
    driver.writePorts(
      new Map([
        ['p1', vlans(8)],
        ['p9', vlans(8)],
      ]),
      signal,
    ),
    (error: SwitchError) => error.code === 'refused',
  );
  assert.deepEqual((await driver.readPorts(['p1'], signal)).get('p1'), vlans(7));
});

test('the database goes and comes again', async () => {
  await rig.restartDatabase();
  await driver.writePorts(new Map([['p1', vlans(9)]]), signal);
  assert.equal((await rig.vsctl('get', 'port', 'p1', 'tag')).trim(), '9');
});
