import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ipmiAddress, PASSWORD, run, soon, startConnector, startRig, USERNAME, type Rig } from './bmc-rig.ts';

/** A sensor of a controller behind the BMC: our client and ipmitool reach it through the BMC. */
let rig: Rig;
before(async () => void (rig = await startRig(['ipmi'])));
after(() => rig.bmc.stop());

const ipmitool = (...args: string[]) =>
  run('ipmitool', [
    '-I',
    'lanplus',
    '-C',
    '17',
    '-H',
    '127.0.0.1',
    '-p',
    String(rig.bmc.ipmiPort),
    '-U',
    USERNAME,
    '-P',
    PASSWORD,
    ...args,
  ]);

for (const way of ['follow', 'within'] as const)
  test(`its sensor is read, the answers ${way === 'follow' ? 'following the BMC’s own' : 'within the BMC’s own'}`, async () => {
    rig.bmc.state.bridgedAnswers = way;
    const { connector } = startConnector();
    try {
      const sensors = await connector.connect([ipmiAddress(rig.bmc.ipmiPort!)]).sensors(soon());
      const sensor = sensors.find(({ name }) => name === 'PSU 1 Temp');
      assert.deepEqual(sensor, {
        name: 'PSU 1 Temp',
        kind: 'Temperature',
        entity: 'power supply 1',
        unit: 'Cel',
        value: 22,
        health: 'ok',
        thresholds: { upperCaution: 60, upperCritical: 70 },
      });
    } finally {
      await connector.close();
    }
  });

test('ipmitool asks that controller who it is, and reads its sensor', async () => {
  rig.bmc.state.bridgedAnswers = 'follow';
  assert.match(await ipmitool('-t', '0x72', '-b', '0', 'mc', 'info'), /Product ID +: 2 /);
  assert.match(await ipmitool('sdr', 'get', 'PSU 1 Temp'), /Sensor Reading +: 22/);
  await assert.rejects(ipmitool('-t', '0x74', '-b', '0', 'mc', 'info'));
});

test('a controller that is gone makes its sensors absent, and no others', async () => {
  const { connector } = startConnector();
  try {
    rig.bmc.state.bridgedAnswers = 'lost';
    const sensors = await connector.connect([ipmiAddress(rig.bmc.ipmiPort!)]).sensors(soon());
    assert.equal(sensors.find(({ name }) => name === 'PSU 1 Temp')?.health, 'absent');
    assert.equal(sensors.find(({ name }) => name === 'CPU Temp')?.health, 'ok');
  } finally {
    await connector.close();
  }
});
