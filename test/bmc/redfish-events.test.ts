import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { BmcError, type BmcConnection } from '../../bmc/capability.ts';
import { parseRedfishEvents } from '../../bmc/event-codec.ts';
import type { BmcEvent } from '../../bmc/event.ts';
import { isMalformed } from '../../core/base/malformed.ts';
import { VENDOR_PROFILES } from '../../lab/bmc/vendor-profile.ts';
import { PASSWORD, redfishAddress, run, soon, startConnector, startRig, USERNAME, type Rig } from './bmc-rig.ts';

/** Takes what a BMC posts. */
async function startSubscriber() {
  const posts: { type: string | undefined; context: string | undefined; events: readonly BmcEvent[] }[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += String(piece);
    const delivery = parseRedfishEvents(text);
    assert.ok(!isMalformed(delivery));
    posts.push({ type: request.headers['content-type'], ...delivery });
    response.writeHead(204).end();
    for (const wake of waiting.splice(0)) wake();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    posts,
    async until(isThere: () => boolean) {
      while (!isThere()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

const POWERED_ON = /ResourcePoweredOn$/;
const isPowerOn = ({ messageId, power }: BmcEvent) => POWERED_ON.test(messageId) && power === 'on';

/** The first event of a stream that is about power-on. */
async function powerOnFrom(events: AsyncIterable<readonly BmcEvent[]>): Promise<BmcEvent> {
  for await (const some of events) for (const event of some) if (isPowerOn(event)) return event;
  throw new Error('the stream ended');
}

async function withBmc(profile: (typeof VENDOR_PROFILES)[number] | undefined, story: (bmc: BmcConnection, rig: Rig) => Promise<void>) {
  const rig = await startRig(['redfish'], profile === undefined ? {} : { profile });
  const { connector } = startConnector();
  try {
    await story(connector.connect([redfishAddress(rig.bmc.redfishPort!)]), rig);
  } finally {
    await connector.close();
    await rig.bmc.stop();
  }
}

describe('events of every vendor', { concurrency: 4 }, () => {
  for (const profile of VENDOR_PROFILES) {
    const habits = profile.events ?? {};
    test(`${profile.name}: ${habits.none ? 'has no events' : habits.noStream ? 'posts events' : 'has a stream'}`, () =>
      withBmc(profile, async (bmc, rig) => {
        if (habits.none || habits.noStream)
          await assert.rejects(bmc.openEvents(soon()), (error) => error instanceof BmcError && error.code === 'unsupported');
        else {
          const told = powerOnFrom(await bmc.openEvents(soon()));
          rig.bmc.state.control('on');
          const event = await told;
          assert.ok(event.origin?.endsWith(`/Systems/${profile.ids.system}`) || event.origin?.endsWith(`/Systems/${profile.ids.system}/`));
          rig.bmc.state.control('off');
          await rig.bmc.state.settled();
        }
        const subscriber = await startSubscriber();
        try {
          const wanted = { destination: subscriber.url, context: 'ours' };
          if (habits.none) {
            await assert.rejects(bmc.subscribeEvents(wanted, soon()), (error) => error instanceof BmcError && error.code === 'unsupported');
            return;
          }
          const { id } = await bmc.subscribeEvents(wanted, soon());
          assert.deepEqual(await bmc.eventSubscriptions(soon()), [{ id, ...wanted }]);
          rig.bmc.state.control('on');
          const powerOns = () => subscriber.posts.filter(({ events }) => events.some(isPowerOn));
          await subscriber.until(() => powerOns().length >= (habits.twice ? 2 : 1));
          assert.equal(powerOns()[0]!.context, 'ours');
          assert.equal(powerOns()[0]!.type, habits.contentType ?? 'application/json');
          await bmc.unsubscribeEvents(id, soon());
          await bmc.unsubscribeEvents(id, soon());
          assert.deepEqual(await bmc.eventSubscriptions(soon()), []);
        } finally {
          await subscriber.close();
        }
      }));
  }
});

test('log entries and the ends of tasks are told as well', () =>
  withBmc(undefined, async (bmc, rig) => {
    const events = await bmc.openEvents(soon());
    rig.bmc.state.eventLog.addNmiEvent();
    rig.bmc.state.tasks.start('Firmware update', async () => {
      throw new Error('no space');
    });
    const seen: BmcEvent[] = [];
    for await (const some of events) if (seen.push(...some) >= 2) break;
    assert.deepEqual(
      seen.map(({ messageId, severity }) => [messageId, severity]),
      [
        ['ResourceEvent.1.3.ResourceCreated', 'warning'],
        ['TaskEvent.1.0.TaskAborted', 'critical'],
      ],
    );
    assert.match(seen[1]!.message, /Firmware update.*no space/);
  }));

test('a BMC has room for so many subscriptions, and refuses what is none', () =>
  withBmc(
    VENDOR_PROFILES.find(({ name }) => name === 'supermicro'),
    async (bmc) => {
      for (const at of [1, 2]) await bmc.subscribeEvents({ destination: `http://127.0.0.1:1/${at}`, context: 'x' }, soon());
      await assert.rejects(
        bmc.subscribeEvents({ destination: 'http://127.0.0.1:1/3', context: 'x' }, soon()),
        (error) => error instanceof BmcError && error.code === 'busy',
      );
      await assert.rejects(
        bmc.subscribeEvents({ destination: 'ftp://x/', context: 'x' }, soon()),
        (error) => error instanceof BmcError && error.code === 'refused',
      );
    },
  ));

test('a BMC that goes away ends its stream with an error', () =>
  withBmc(undefined, async (bmc, rig) => {
    const events = await bmc.openEvents(soon());
    const ended = (async () => {
      for await (const _some of events);
    })();
    await rig.bmc.stop();
    await assert.rejects(ended, (error) => error instanceof BmcError && error.code === 'unreachable');
  }));

test('curl follows the stream, and submits a test event', () =>
  withBmc(undefined, async (_bmc, rig) => {
    const base = `https://127.0.0.1:${rig.bmc.redfishPort}/redfish/v1/EventService`;
    const curl = (...args: string[]) => run('curl', ['-sk', '-u', `${USERNAME}:${PASSWORD}`, ...args]);
    const stream = spawn('curl', ['-skN', '-u', `${USERNAME}:${PASSWORD}`, `${base}/SSE`]);
    let text = '';
    stream.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    await once(stream.stdout, 'data');
    const event = { MessageId: 'ResourceEvent.1.3.TestMessage', MessageArgs: [] };
    const told = once(stream.stdout, 'data');
    await curl('-H', 'content-type: application/json', '-d', JSON.stringify(event), `${base}/Actions/EventService.SubmitTestEvent`);
    await told;
    stream.kill();
    assert.match(text, /^: events follow\n\nid: \d+\ndata: \{.*ResourceEvent\.1\.3\.TestMessage/);
  }));
