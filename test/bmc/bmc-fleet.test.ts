import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBmcFleet } from '../../lab/bmc/bmc-fleet.ts';
import { ipmiAddress, PASSWORD, redfishAddress, run, soon, startConnector } from './bmc-rig.ts';

test('a fleet answers on every address by both protocols, each with its own identity', async () => {
  const fleet = await startBmcFleet({
    count: 30,
    firstAddress: '127.9.7.240',
    protocol: 'both',
    ipmiPort: 0,
    redfishPort: 0,
    password: PASSWORD,
  });
  const { connector } = startConnector();
  try {
    const listed = fleet.list();
    assert.equal(listed.length, 30);
    assert.equal(listed[15]!.address, '127.9.8.1');
    const serials = await Promise.all(
      fleet.members.flatMap(({ address: host, bmc }) => [
        connector.connect([ipmiAddress(bmc.ipmiPort!, { host })]).identity(soon()),
        connector.connect([redfishAddress(bmc.redfishPort!, { host })]).identity(soon()),
      ]),
    );
    assert.equal(new Set(serials.map(({ serial }) => serial)).size, 30);
    assert.equal(new Set(serials.map(({ systemUuid }) => systemUuid)).size, 30);
    const body = await run('curl', ['-sk', '--fail', `${listed[20]!.redfish}/redfish/v1/`]);
    assert.match(body, /RedfishVersion/);
  } finally {
    await connector.close();
    await fleet.stop();
  }
});

test('where addresses cannot be bound, ports count up; a taken port fails the start and leaves nothing behind', async () => {
  const fleet = await startBmcFleet({
    count: 3,
    firstAddress: '127.9.7.200',
    protocol: 'ipmi',
    ipmiPort: 16_230,
    consecutivePorts: true,
  });
  try {
    assert.deepEqual(
      fleet.list().map(({ address, ipmiPort }) => `${address}:${ipmiPort}`),
      ['127.9.7.200:16230', '127.9.7.200:16231', '127.9.7.200:16232'],
    );
    await assert.rejects(
      startBmcFleet({ count: 2, firstAddress: '127.9.7.200', protocol: 'ipmi', ipmiPort: 16_229, consecutivePorts: true }),
      /EADDRINUSE/,
    );
    const again = await startBmcFleet({ count: 1, firstAddress: '127.9.7.200', protocol: 'ipmi', ipmiPort: 16_229 });
    await again.stop();
  } finally {
    await fleet.stop();
  }
});
