import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipv4FromNumber } from '../../core/base/ipv4-address.ts';
import { seededRandom } from '../../core/base/random.ts';
import type { LeaseRecord } from '../boot-model.ts';
import { firstSequence, LeaseBook } from '../lease/lease-book.ts';
import { isActive } from '../lease/lease-table.ts';
import { SLOTS } from '../network-share.ts';

/*
 * Two or three servers with disks that are slow, wires that break, clocks that differ and lives that end, and clients that ask any of them:
 * no address is ever two clients'.
 */
const LEASE_MS = 100_000;
const SKEW_MS = 30_000;
const FIRST = 0x0a4d0064;
const ADDRESSES = 4;
const CLIENTS = 9;
const SUBNET = 'boot';

interface Wire {
  /** In order, of one connection. */
  readonly queue: (() => void)[];
}

class TestServer {
  readonly name: string;
  readonly skewMs: number;
  readonly disk = new Map<string, LeaseRecord>();
  readonly waiting: (() => void)[] = [];
  book: LeaseBook;
  life = 0;
  readonly members: readonly string[];

  constructor(name: string, members: readonly string[], skewMs: number) {
    this.name = name;
    this.members = members;
    this.skewMs = skewMs;
    this.book = this.open();
  }

  open(): LeaseBook {
    const journal = {
      append: (leases: readonly LeaseRecord[]) =>
        new Promise<void>((resolve) => {
          this.waiting.push(() => {
            for (const lease of leases)
              if ((this.disk.get(lease.ipAddress)?.sequence ?? -1) < lease.sequence) this.disk.set(lease.ipAddress, lease);
            resolve();
          });
        }),
      noteStored: () => {},
      counters: { writes: 0, compactions: 0, failures: 0 },
      close: async () => {},
    };
    const forwarder = {
      add: () => {},
      counters: { stored: 0, failures: 0 },
      pending: () => 0,
      stored: async () => {},
      stop: async () => {},
    };
    const leases = [...this.disk.values()];
    this.book = new LeaseBook(leases, journal, forwarder, firstSequence(leases, 0, this.life));
    const slots = Array.from({ length: SLOTS }, (_, slot) => this.members[slot % this.members.length]!);
    this.book.sharing.setShares([{ subnetId: SUBNET, epoch: 1, self: this.name, members: this.members, slots }]);
    return this.book;
  }

  /** What was on its way to the disk is lost, as is all memory. */
  kill(): void {
    this.life += 1;
    this.waiting.length = 0;
    this.open();
  }
}

async function story(seed: number, steps: number): Promise<{ grants: number; moves: number }> {
  const random = seededRandom(seed);
  const pick = (count: number) => Math.floor(random.unit() * count);
  const names = seed % 4 === 0 ? ['a', 'b', 'c'] : ['a', 'b'];
  const servers = names.map((name) => new TestServer(name, names, (pick(3) - 1) * SKEW_MS));
  const wires = new Map<string, Wire>();
  const wire = (from: string, to: string) => wires.get(`${from}${to}`);
  const held = Array.from({ length: CLIENTS }, (): { address: number; untilMs: number } | undefined => undefined);
  const holders = new Map<number, number>();
  const asked = Array.from({ length: CLIENTS }, () => 0);
  const broken: string[] = [];
  let [nowMs, grants, moves] = [1_000_000, 0, 0];
  const settle = async () => {
    for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
  };
  const breakWires = (one: string, other: string) => {
    wires.delete(one + other);
    wires.delete(other + one);
  };
  const connect = (one: TestServer, other: TestServer) => {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      wires.set(from.name + to.name, { queue: [] });
      from.book.sharing.network(SUBNET)!.outboxes.get(to.name)!.again();
    }
  };
  const push = () => {
    for (const from of servers)
      for (const to of servers.filter((one) => one !== from)) {
        const link = wire(from.name, to.name);
        if (link === undefined) continue;
        for (const record of from.book.sharing.network(SUBNET)!.outboxes.get(to.name)!.next(3)) {
          const lives = [from.life, to.life];
          link.queue.push(() => {
            void to.book.merge([record], nowMs + to.skewMs, from.name).then((accepted) => {
              if (wire(to.name, from.name) === undefined || from.life !== lives[0] || to.life !== lives[1]) return;
              wire(to.name, from.name)!.queue.push(() => {
                const outbox = from.book.sharing.network(SUBNET)!.outboxes.get(to.name)!;
                for (const one of accepted) outbox.accepted(one.ipAddress, one.sequence);
              });
            });
          });
        }
      }
  };
  const ask = (client: number, server: TestServer) => {
    const { table } = server.book;
    const mac = `52:54:00:00:00:0${client}`;
    const serverMs = nowMs + server.skewMs;
    const mayHave = (address: number) => {
      const lease = table.lease(address);
      if (isActive(lease, serverMs) && lease.mac !== mac) return false;
      return table.leftToOther(SUBNET, address, mac, serverMs) === undefined;
    };
    const wanted = [held[client]?.address, table.addressOfClient(SUBNET, mac), ...Array.from({ length: ADDRESSES }, (_, at) => FIRST + at)];
    const address = wanted.find((one) => one !== undefined && mayHave(one));
    if (address === undefined) return;
    const untilMs = nowMs + LEASE_MS;
    const { life } = server;
    const attempt = (asked[client]! += 1);
    const draft = { ipAddress: ipv4FromNumber(address), mac, subnetId: SUBNET, state: 'bound' as const, expiresAtMs: serverMs + LEASE_MS };
    void server.book.write([draft]).then(() => {
      if (server.life !== life || untilMs <= nowMs || asked[client] !== attempt) return;
      grants += 1;
      if (holders.has(address) && holders.get(address) !== client) moves += 1;
      holders.set(address, client);
      const others = held.flatMap((other, at) => (at !== client && other?.address === address && other.untilMs > nowMs ? [at] : []));
      if (others.length > 0)
        broken.push(`seed ${seed}: ${server.name} gave ${draft.ipAddress} to client ${client}, and client ${others.join()} has it`);
      held[client] = { address, untilMs };
    });
  };
  const release = (client: number, server: TestServer) => {
    const lease = held[client] && server.book.table.lease(held[client].address);
    if (lease?.mac !== `52:54:00:00:00:0${client}` || lease.state !== 'bound') return;
    held[client] = undefined;
    asked[client]! += 1;
    void server.book.write([{ ...lease, state: 'released', expiresAtMs: nowMs + server.skewMs }]);
  };
  for (let step = 0; step < steps; step += 1) {
    const server = servers[pick(servers.length)]!;
    const other = servers[pick(servers.length)]!;
    const kind = pick(16);
    if (kind < 4) ask(pick(CLIENTS), server);
    else if (kind === 4) release(pick(CLIENTS), server);
    else if (kind === 5) void server.book.expire(nowMs + server.skewMs);
    else if (kind === 6) nowMs += [10, 1000, LEASE_MS / 3][pick(3)]!;
    else if (kind < 10) for (let count = pick(6); count > 0; count -= 1) server.waiting.shift()?.();
    else if (kind < 14) {
      for (let count = pick(6); count > 0; count -= 1) wire(server.name, other.name)?.queue.shift()?.();
      if (server !== other && wire(server.name, other.name) === undefined) connect(server, other);
    } else if (kind === 14 && server !== other && pick(6) === 0) breakWires(server.name, other.name);
    else if (kind === 15 && pick(10) === 0) {
      server.kill();
      for (const one of servers) if (one !== server) breakWires(one.name, server.name);
    } else for (const one of servers) one.book.sharing.network(SUBNET)!.outboxes.forEach((outbox) => pick(4) === 0 && outbox.again());
    push();
    await settle();
  }
  assert.deepEqual(broken, []);
  return { grants, moves };
}

test('no address is two clients’, in any order of grants, losses, ends and lives', async () => {
  let [grants, moves] = [0, 0];
  for (let seed = 1; seed <= 150; seed += 1) {
    const told = await story(seed, 1000);
    grants += told.grants;
    moves += told.moves;
  }
  // A server that never gave anything to anybody new would break no promise.
  assert.ok(grants > 5000 && moves > 50, `${grants} grants, ${moves} addresses that went to another client`);
});
