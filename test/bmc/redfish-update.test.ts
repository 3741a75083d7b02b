import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createWebSource } from '../../core/transfer/web-source.ts';
import { BmcError, type BmcConnection } from '../../bmc/capability.ts';
import { findProfile, VENDOR_PROFILES, type VendorProfile } from '../../lab/bmc/vendor-profile.ts';
import { PASSWORD, redfishAddress, run, soon, startConnector, startRig, USERNAME, type Rig } from './bmc-rig.ts';

/** Firmware from a server whose images are as long as it says, or break off. */
async function startImages() {
  const server = createServer((request, response) => {
    const [, size, sent] = /^\/bios-(\d+)-(\d+)/.exec(request.url ?? '') ?? [];
    if (size === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-length': size });
    response.write('version: 2.7.1\n');
    const piece = Buffer.alloc(64 * 1024, 7);
    let left = Number(sent) - 15;
    const more = () => {
      while (left > 0) {
        const now = piece.subarray(0, Math.min(left, piece.length));
        left -= now.length;
        if (!response.write(now)) return void response.once('drain', more);
      }
      if (size === sent) response.end();
      else response.destroy();
    };
    more();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: (size: number, sent = size) => `http://127.0.0.1:${port}/bios-${size}-${sent}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function withBmc(
  profile: VendorProfile | undefined,
  story: (bmc: BmcConnection, rig: Rig, url: (size: number, sent?: number) => string) => Promise<void>,
) {
  const rig = await startRig(['redfish'], profile === undefined ? {} : { profile });
  const images = await startImages();
  const { connector } = startConnector({ web: createWebSource(['169.254.0.0/16', 'localhost']) });
  try {
    await story(connector.connect([redfishAddress(rig.bmc.redfishPort!)]), rig, images.url);
  } finally {
    await connector.close();
    await rig.bmc.stop();
    await images.close();
  }
}

async function endOf(bmc: BmcConnection, task: string | undefined) {
  for (;;) {
    const seen = await bmc.taskState(task!, soon());
    if (seen.state !== 'running') return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('firmware of every vendor', { concurrency: 4 }, () => {
  for (const profile of VENDOR_PROFILES)
    test(`${profile.name}: ${profile.updates === undefined ? 'fetches the image' : 'gets the image from us'}`, () =>
      withBmc(profile, async (bmc, rig, url) => {
        const { id } = await bmc.updateFirmware({ url: url(4096), target: 'BIOS' }, soon());
        assert.equal((await endOf(bmc, id)).state, 'completed');
        await bmc.setPower('on', soon());
        await rig.bmc.state.settled();
        assert.equal((await bmc.firmwareInventory(soon())).find((item) => item.id === 'BIOS')?.version, '2.7.1');
      }));
});

describe('an image that is pushed', () => {
  const profile = findProfile('openbmc');
  const refused = (words: RegExp) => (error: unknown) => error instanceof BmcError && error.code === 'refused' && words.test(error.message);

  test('is not whole in memory, breaks off without a trace, and is whole the next time', () =>
    withBmc(profile, async (bmc, rig, url) => {
      await assert.rejects(
        bmc.updateFirmware({ url: url(8_000_000, 3_000_000), target: 'BIOS' }, soon()),
        refused(/broke off after \d+ of 8000000/),
      );
      assert.deepEqual(rig.bmc.state.tasks.all(), []);
      const { id } = await bmc.updateFirmware({ url: url(32_000_000), target: 'BIOS' }, soon());
      assert.equal((await endOf(bmc, id)).state, 'completed');
    }));

  test('that is not there, or larger than the BMC takes, is refused before anything is sent', () =>
    withBmc(profile, async (bmc, rig, url) => {
      await assert.rejects(bmc.updateFirmware({ url: url(70_000_000), target: 'BIOS' }, soon()), refused(/larger than 67108864 bytes/));
      await assert.rejects(bmc.updateFirmware({ url: url(1).replace('bios', 'none'), target: 'BIOS' }, soon()), refused(/answered 404/));
      const secrets = 'http://169.254.169.254/latest/meta-data/iam/security-credentials/';
      await assert.rejects(bmc.updateFirmware({ url: secrets, target: 'BIOS' }, soon()), refused(/may not be downloaded from/));
      const ownRule = url(4096).replace('127.0.0.1', 'localhost');
      await assert.rejects(bmc.updateFirmware({ url: ownRule, target: 'BIOS' }, soon()), refused(/may not be downloaded from/));
      assert.deepEqual(rig.bmc.state.tasks.all(), []);
    }));
});

test('curl pushes an image to the emulated BMC', () =>
  withBmc(undefined, async (bmc, rig) => {
    const directory = mkdtempSync(join(tmpdir(), 'rackwright-push-'));
    try {
      writeFileSync(join(directory, 'bmc-2.0.bin'), 'version: 2.0.9\nbytes');
      const address = `https://127.0.0.1:${rig.bmc.redfishPort}/redfish/v1/UpdateService/upload`;
      const parameters = 'UpdateParameters={"Targets":["/redfish/v1/UpdateService/FirmwareInventory/BMC"]};type=application/json';
      const form = ['-F', parameters, '-F', `UpdateFile=@${directory}/bmc-2.0.bin;type=application/octet-stream`];
      await run('curl', ['-skf', '-u', `${USERNAME}:${PASSWORD}`, ...form, address]);
      assert.equal((await endOf(bmc, '/redfish/v1/TaskService/Tasks/1')).state, 'completed');
      assert.equal(rig.bmc.state.firmware.version('BMC'), '2.0.9');
    } finally {
      rmSync(directory, { recursive: true });
    }
  }));
