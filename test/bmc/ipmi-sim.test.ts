import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Secret } from '../../core/base/secret.ts';
import { BmcError } from '../../bmc/capability.ts';
import { ipmiAddress, soon, startConnector } from './bmc-rig.ts';

/** Our client against OpenIPMI's `ipmi_sim`, a BMC that no one here wrote. It knows cipher suite 3 only. */
const CONTROL = `#!/bin/sh
dir=$(dirname "$0")
operation=$1; shift
if [ "$operation" = get ]; then
  for name in "$@"; do
    case $name in power) echo "power:$(cat "$dir/power" 2>/dev/null || echo 0)";; boot) echo "boot:$(cat "$dir/boot" 2>/dev/null || echo none)";; *) echo "$name:";; esac
  done
else
  while [ $# -gt 1 ]; do echo "$2" > "$dir/$1"; shift 2; done
fi
`;
const MODEL = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`;
const settings = (folder: string, port: number) => `name "sim"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "${folder}/control.sh"
  user 1 true "" "" user 10 none md2 md5 straight
  user 2 true "ADMIN" "sim-pass" admin 10 none md2 md5 straight
`;

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

let folder: string;
let sim: ChildProcess;
let port: number;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ipmi-sim-'));
  port = await freeUdpPort();
  await writeFile(join(folder, 'control.sh'), CONTROL);
  await chmod(join(folder, 'control.sh'), 0o755);
  await writeFile(join(folder, 'lan.conf'), settings(folder, port));
  await writeFile(join(folder, 'sim.emu'), MODEL);
  sim = spawn('ipmi_sim', ['-n', '-c', join(folder, 'lan.conf'), '-f', join(folder, 'sim.emu'), '-s', folder], {
    stdio: 'ignore',
  });
});
after(async () => {
  const gone = new Promise((resolve) => sim.on('exit', resolve));
  sim.kill();
  await gone;
  await rm(folder, { recursive: true });
});

const login = { username: 'ADMIN', password: new Secret('sim-pass') };

test('suite 17 is refused and suite 3 taken; power, users and identity work', async () => {
  const { connector } = startConnector();
  try {
    const bmc = connector.connect([ipmiAddress(port, login)]);
    assert.equal(await bmc.powerState(soon()), 'off');
    await bmc.setPower('on', soon());
    assert.equal(await bmc.powerState(soon()), 'on');
    assert.equal((await readFile(join(folder, 'power'), 'utf8')).trim(), '1');
    assert.equal((await bmc.identity(soon())).bmcFirmware, '9.08');
    const user = await bmc.putUser('rackwright', new Secret('0123456789abcdef'), soon());
    const users = await bmc.users(soon());
    assert.deepEqual(
      users.find(({ name }) => name === 'rackwright'),
      user,
    );
    const own = connector.connect([ipmiAddress(port, { username: 'rackwright', password: new Secret('0123456789abcdef') })]);
    await own.setPower('off', soon());
    assert.equal(await bmc.powerState(soon()), 'off');
    const pinned = connector.connect([ipmiAddress(port, { ...login, cipherSuite: 17 })]);
    await assert.rejects(pinned.powerState(soon()), (error) => error instanceof BmcError && error.code === 'unsupported');
    const wrong = connector.connect([ipmiAddress(port, { ...login, password: new Secret('wrong') })]);
    await assert.rejects(wrong.powerState(soon()), (error) => error instanceof BmcError && error.code === 'auth');
  } finally {
    await connector.close();
  }
});
