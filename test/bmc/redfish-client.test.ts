import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Agent, request } from 'undici';
import ssh2, { type ServerChannel } from 'ssh2';
import { Secret } from '../../core/base/secret.ts';
import { BmcError } from '../../bmc/capability.ts';
import { sharedTlsIdentity } from '../../lab/bmc/bmc-certificate.ts';
import { IDENTITY, ipmiAddress, PASSWORD, redfishAddress, soon, startConnector, startRig, USERNAME } from './bmc-rig.ts';

/** Our Redfish client: against the emulated BMC, and against small services with the habits of real ones. */
const failsWith = (code: string) => (error: unknown) => error instanceof BmcError && error.code === code;

interface Habit {
  readonly url: { port: number };
  readonly asked: { method: string; path: string; headers: IncomingMessage['headers']; body: string }[];
  close(): Promise<void>;
}

/** A plain HTTP service whose answers the test writes. */
async function startService(
  answer: (
    request: { method: string; path: string; headers: IncomingMessage['headers']; body: string },
    response: ServerResponse,
    count: number,
  ) => void,
): Promise<Habit> {
  const asked: Habit['asked'] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => (body += piece.toString()));
    request.on('end', () => {
      const entry = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
      asked.push(entry);
      answer(entry, response, asked.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: { port: (server.address() as AddressInfo).port },
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const json = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};

const SYSTEM = {
  PowerState: 'On',
  Boot: { BootSourceOverrideMode: 'UEFI', 'BootSourceOverrideTarget@Redfish.AllowableValues': ['None', 'UefiHttp'] },
  Actions: {
    '#ComputerSystem.Reset': { target: '/reset', 'ResetType@Redfish.AllowableValues': ['On', 'ForceOff', 'PowerCycle'] },
  },
};
const SESSIONS = '/redfish/v1/SessionService/Sessions';
const plain = (habit: Habit, more = {}) => redfishAddress(habit.url.port, { scheme: 'http', systemPath: '/system', ...more });

describe('Redfish client', { concurrency: 8 }, () => {
  test('everything against the emulated BMC', async () => {
    const rig = await startRig();
    const { connector, events } = startConnector();
    try {
      const bmc = connector.connect([redfishAddress(rig.bmc.redfishPort!, { trust: sharedTlsIdentity().certificatePem })]);
      assert.equal(await bmc.powerState(soon()), 'off');
      await bmc.setBoot({ device: 'network', persistent: false, firmwareMode: 'uefi' }, soon());
      assert.deepEqual(await bmc.bootSetting(soon()), { device: 'network', persistent: false, firmwareMode: 'uefi' });
      await bmc.setPower('on', soon());
      await rig.bmc.state.settled();
      assert.deepEqual(rig.machine.boots, [{ device: 'network', persistent: false, firmwareMode: 'uefi' }]);
      await bmc.setBoot({ device: 'disk', persistent: true, firmwareMode: 'bios' }, soon());
      assert.deepEqual(await bmc.bootSetting(soon()), { device: 'disk', persistent: true, firmwareMode: 'bios' });
      await bmc.setPower('reset', soon());
      await bmc.setBoot({ device: 'none', persistent: false }, soon());
      assert.equal((await bmc.bootSetting(soon())).device, 'none');
      const { uuid: systemUuid, manufacturer, product, serial, assetTag, macs: nicMacs } = IDENTITY;
      assert.deepEqual(await bmc.identity(soon()), {
        systemUuid,
        manufacturer,
        product,
        serial,
        assetTag,
        bmcFirmware: '1.00',
        nicMacs,
      });
      assert.deepEqual(await bmc.lan(soon()), {
        ipAddress: '127.0.0.1',
        netmask: '255.255.255.0',
        gateway: '0.0.0.0',
        mac: rig.bmc.state.lan.mac,
        source: 'static',
      });
      const user = await bmc.putUser('robot', new Secret('robot-pass-1'), soon());
      assert.deepEqual(user, { id: 3, name: 'robot', enabled: true, privilege: 'administrator' });
      assert.deepEqual(await bmc.putUser('robot', new Secret('robot-pass-2'), soon()), user);
      const robot = connector.connect([ipmiAddress(rig.bmc.ipmiPort!, { username: 'robot', password: new Secret('robot-pass-2') })]);
      assert.equal(await robot.powerState(soon()), 'on', 'the account is the same over IPMI');
      await assert.rejects(bmc.openConsole(soon()), failsWith('unsupported'));
      await assert.rejects(
        connector.connect([redfishAddress(rig.bmc.redfishPort!, { trust: undefined as never })]).powerState(soon()),
        failsWith('refused'),
        'an unknown certificate is not trusted by default',
      );
      assert.ok(!JSON.stringify(events).includes('robot-pass') && !JSON.stringify(events).includes(PASSWORD));
    } finally {
      await connector.close();
      await rig.bmc.stop();
    }
  });

  test('wrong password: twice, then hands off', async () => {
    const rig = await startRig(['redfish']);
    const { connector } = startConnector();
    try {
      const bmc = connector.connect([redfishAddress(rig.bmc.redfishPort!, { password: new Secret('wrong') })]);
      await assert.rejects(bmc.powerState(soon()), failsWith('auth'));
      await assert.rejects(bmc.powerState(soon()), failsWith('auth'));
      await assert.rejects(bmc.powerState(soon()), failsWith('lockout'));
      assert.equal(rig.events.filter((event) => event.kind === 'bmc.login-refused').length, 2);
    } finally {
      await connector.close();
      await rig.bmc.stop();
    }
  });

  test('a lost session is opened again, once', async () => {
    let logins = 0;
    const habit = await startService((request, response) => {
      if (request.path === SESSIONS)
        return json(response, 201, {}, { 'x-auth-token': `token-${(logins += 1)}`, location: `${SESSIONS}/${logins}` });
      if (request.headers['x-auth-token'] !== 'token-2') return json(response, 401, {});
      json(response, 200, SYSTEM);
    });
    const { connector } = startConnector();
    const bmc = connector.connect([plain(habit)]);
    assert.deepEqual(await Promise.all([bmc.powerState(soon()), bmc.powerState(soon())]), ['on', 'on']);
    assert.equal(logins, 2);
    await bmc.close();
    assert.equal(habit.asked.at(-1)?.method, 'DELETE', 'the session is given back');
    await connector.close();
    await habit.close();
  });

  test('a BMC whose sessions are all taken is asked with Basic', async () => {
    const rig = await startRig(['redfish']);
    const taken = await Promise.all(
      Array.from({ length: 64 }, () =>
        request(`https://127.0.0.1:${rig.bmc.redfishPort!}${SESSIONS}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ UserName: USERNAME, Password: PASSWORD }),
          dispatcher: new Agent({ connect: { rejectUnauthorized: false } }),
        }).then((answer) => answer.statusCode),
      ),
    );
    assert.ok(taken.includes(503), 'no session is left');
    const { connector } = startConnector();
    const bmc = connector.connect([redfishAddress(rig.bmc.redfishPort!)]);
    try {
      assert.equal(await bmc.powerState(soon()), 'off');
      await bmc.setPower('on', soon());
    } finally {
      await connector.close();
      await rig.bmc.stop();
    }
  });

  test('without a SessionService it is Basic; a changed ETag is tried once more; only allowed values are sent', async () => {
    let etag = 1;
    const habit = await startService((request, response) => {
      if (request.path === SESSIONS) return json(response, 404, {});
      if (!request.headers.authorization?.startsWith('Basic ')) return json(response, 401, {});
      if (request.method === 'GET') return json(response, 200, SYSTEM, { etag: `"${etag}"` });
      if (request.method === 'PATCH' && etag === 1) {
        etag = 2;
        return json(response, 412, {});
      }
      json(response, request.headers['if-match'] === `"${etag}"` || request.method === 'POST' ? 200 : 412, {});
    });
    const { connector } = startConnector();
    const bmc = connector.connect([plain(habit)]);
    await bmc.setBoot({ device: 'network', persistent: false, firmwareMode: 'uefi' }, soon());
    const patches = habit.asked.filter(({ method }) => method === 'PATCH');
    assert.equal(patches.length, 2);
    assert.deepEqual(JSON.parse(patches[1]!.body), {
      Boot: { BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'UefiHttp', BootSourceOverrideMode: 'UEFI' },
    });
    await assert.rejects(bmc.setBoot({ device: 'cdrom', persistent: false }, soon()), failsWith('unsupported'));
    await bmc.setPower('reset', soon());
    assert.deepEqual(JSON.parse(habit.asked.at(-1)!.body), { ResetType: 'PowerCycle' });
    await assert.rejects(bmc.setPower('soft-off', soon()), failsWith('unsupported'));
    await connector.close();
    await habit.close();
  });

  test('a task is followed to its end, good or bad', async () => {
    let polls = 0;
    let end = 'Completed';
    const habit = await startService((request, response) => {
      if (request.path === SESSIONS) return json(response, 201, {}, { 'x-auth-token': 'token' });
      if (request.path === '/system') return json(response, 200, SYSTEM);
      if (request.path === '/reset') return json(response, 202, { TaskState: 'New' }, { location: '/tasks/7/monitor' });
      polls += 1;
      json(
        response,
        polls % 2 === 1 ? 202 : 200,
        polls % 2 === 1 ? { TaskState: 'Running' } : { TaskState: end, Messages: [{ Message: 'Fan is missing' }] },
      );
    });
    const { connector } = startConnector();
    const bmc = connector.connect([plain(habit)]);
    await bmc.setPower('off', soon());
    assert.equal(polls, 2);
    end = 'Exception';
    await assert.rejects(bmc.setPower('off', soon()), /Fan is missing/);
    await connector.close();
    await habit.close();
  });

  test('an SSH console is taken when it is offered', async () => {
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    const server = new ssh2.Server({ hostKeys: [key] }, (client) => {
      client.on('authentication', (attempt) =>
        attempt.method === 'password' && attempt.username === USERNAME && attempt.password === PASSWORD
          ? attempt.accept()
          : attempt.reject(['password']),
      );
      client.on('error', () => undefined);
      client.on('session', (accept) => {
        const session = accept();
        session.on('pty', (acceptPty) => acceptPty());
        session.on('shell', (acceptShell) => {
          const channel: ServerChannel = acceptShell();
          channel.write('console ready\r\n');
          channel.pipe(channel);
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const habit = await startService((request, response) =>
      request.path === SESSIONS
        ? json(response, 201, {}, { 'x-auth-token': 'token' })
        : json(response, 200, { ...SYSTEM, SerialConsole: { SSH: { ServiceEnabled: true, Port: port } } }),
    );
    const { connector } = startConnector();
    const terminal = await connector.connect([plain(habit)]).openConsole(soon());
    let seen = '';
    terminal.on('data', (piece: Buffer) => (seen += piece.toString()));
    terminal.write('typed');
    while (!seen.includes('typed')) await once(terminal, 'data');
    assert.match(seen, /console ready/);
    terminal.destroy();
    await connector.close();
    await habit.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  test('the chooser goes on to the next provider, says why, and remembers', async () => {
    const rig = await startRig();
    const { connector, events } = startConnector();
    try {
      const bmc = connector.connect([redfishAddress(rig.bmc.redfishPort!), ipmiAddress(rig.bmc.ipmiPort!)]);
      assert.equal(await bmc.powerState(soon()), 'off');
      assert.equal(bmc.protocol, 'redfish');
      const terminal = await bmc.openConsole(soon());
      assert.equal(bmc.protocol, 'ipmi', 'Redfish had no console');
      terminal.destroy();
      await once(terminal, 'close');
      const failed = events.find((event) => event.evidence?.['outcome'] === 'unsupported');
      assert.match(failed?.message ?? '', /redfish openConsole/);
      events.length = 0;
      (await bmc.openConsole(soon())).destroy();
      assert.deepEqual(
        events.map((event) => event.evidence?.['protocol']),
        ['ipmi'],
        'the next console goes there at once',
      );
    } finally {
      await connector.close();
      await rig.bmc.stop();
    }
  });
});
