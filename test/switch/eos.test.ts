import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { after, before, test } from 'node:test';
import { Secret } from '../../core/base/secret.ts';
import { encodeLldp } from '../../lab/switch/lldp-codec.ts';
import { encodeStreamFrame } from '../../lab/switch/stream-frame-codec.ts';
import { startRack, type Rack, type RunningForward } from '../../lab/start-rack.ts';
import { declareRack } from '../../lab/topology.ts';
import { connectSwitch, type EosAccess } from '../../network/switch/connect-switch.ts';
import { SwitchError, type Neighbour, type PortVlans } from '../../network/switch/switch-driver.ts';
import { fingerprintOf } from './fingerprint.ts';

/** Our driver before the lab's leaf switch, over its eAPI. */
const spec = declareRack({ machines: 2, seed: 31 });
const runDirectory = mkdtempSync(join(tmpdir(), 'rackwright-eos-'));
const { signal } = new AbortController();
let rack: Rack;
let forward: RunningForward;

const connect = (more: Partial<EosAccess> = {}) =>
  connectSwitch({
    name: 'leaf-1',
    chassisMac: spec.leaf.chassisMac,
    physicalNetwork: 'physnet1',
    touches: null,
    access: {
      driver: 'eos',
      host: '127.0.0.1',
      port: forward.port,
      username: spec.leaf.management.username,
      password: new Secret(spec.leaf.management.password),
      // The certificate names the switch and not the way to it.
      trust: { certificateSha256: fingerprintOf(rack.leafCertificate) },
      savesConfiguration: false,
      ...more,
    },
  });

const vlans = (untagged: number | null, ...tagged: number[]): PortVlans => ({ untagged, tagged });
const [ONE, TWO] = ['Ethernet1/1', 'Ethernet1/2'] as const;

before(async () => {
  rack = await startRack({ spec, runDirectory, onEvent: () => {} });
  forward = await rack.forwardTcp({ hostListen: '127.0.0.1:0', insideAddress: `${spec.leaf.management.address}:443` });
});
after(async () => {
  await rack?.stop();
  rmSync(runDirectory, { recursive: true, force: true });
});

test('it says who it is, and ports that it does not have are not there', async () => {
  const leaf = connect();
  const { chassisMac, software } = await leaf.describe(signal);
  assert.deepEqual([chassisMac, software.split(' ')[0]], [spec.leaf.chassisMac, 'EOS']);
  const ports = await leaf.readPorts([ONE, 'Ethernet9/9', 'Ethernet1/1-2'], signal);
  assert.deepEqual([...ports], [[ONE, vlans(1)]]);
});

test('ports are made as they shall be, and another one of them stays as it was', async () => {
  const leaf = connect();
  for (const wished of [vlans(101), vlans(101, 7, 8), vlans(null, 7), vlans(null), vlans(1)]) {
    await leaf.writePorts(new Map([[ONE, wished]]), signal);
    assert.deepEqual([...(await leaf.readPorts([ONE, TWO], signal)).values()], [wished, vlans(1)]);
  }
});

test('one port that is not there, and nothing is changed; a name is no way to say something else', async () => {
  const leaf = connect();
  for (const name of ['Ethernet9/9', 'Ethernet1/1-2', 'Ethernet1/2\nno vlan 1', 'Management1'])
    await assert.rejects(
      leaf.writePorts(
        new Map([
          [ONE, vlans(55)],
          [name, vlans(55)],
        ]),
        signal,
      ),
      (error: SwitchError) => {
        assert.equal(error.code, 'refused');
        return error.message.includes(`has no switch port ${name}`);
      },
    );
  assert.deepEqual((await leaf.readPorts([ONE], signal)).get(ONE), vlans(1));
});

test('what is written outlives a restart, what is not does not', async () => {
  await connect({ savesConfiguration: true }).writePorts(new Map([[TWO, vlans(70)]]), signal);
  const leaf = connect();
  await leaf.writePorts(new Map([[ONE, vlans(71)]]), signal);
  await rack.restartLeaf();
  assert.deepEqual([...(await leaf.readPorts([ONE, TWO], signal)).values()], [vlans(1), vlans(70)]);
});

test('somebody else, a wrong password, nobody: told apart, and no password is shown', async () => {
  const codeOf = async (more: Partial<EosAccess>) => {
    const error = await connect(more)
      .describe(signal)
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    assert.ok(error instanceof SwitchError, inspect(error));
    assert.ok(!inspect(error, { depth: 9 }).includes(spec.leaf.management.password));
    return error.code;
  };
  assert.equal(await codeOf({ trust: { certificateSha256: 'ab'.repeat(32) } }), 'untrusted');
  assert.equal(await codeOf({ trust: {} }), 'untrusted');
  assert.equal(await codeOf({ password: new Secret('wrong') }), 'untrusted');
  assert.equal(await codeOf({ port: 1 }), 'absent');
  // Of the CA itself the name has to be right too.
  assert.equal(await codeOf({ trust: { ca: rack.leafCertificate } }), 'untrusted');
});

test('who announces itself at a port is a neighbour there', async () => {
  const socket = connectSocket(rack.nicSocket('machine-1', 0));
  const said = encodeLldp({
    chassisMac: '52:54:00:77:00:09',
    portId: 'eno1',
    portDescription: '',
    systemName: 'machine-1',
    timeToLiveSeconds: 120,
  });
  socket.write(encodeStreamFrame(said));
  const { neighbours } = connect();
  let found: readonly Neighbour[] = [];
  while (found.length === 0) found = await neighbours!(signal);
  assert.deepEqual(found, [{ port: ONE, device: 'machine-1', devicePort: 'eno1' }]);
  socket.destroy();
});
