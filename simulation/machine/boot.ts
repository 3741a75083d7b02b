import type { Life } from '../world/virtual-time.ts';
import { between, meets, whole, type World } from '../world/world.ts';
import type { Machine } from './machine.ts';
import { getAddress, type Address, type Loader, type Wire } from './network-client.ts';
import { runRamdisk } from './ramdisk.ts';

/*
 * From the power button to whatever runs: self-test, boot order, network boot by the real boot plane's decisions (its script says what this
 * machine starts), or the disk. A stage may hang; what the firmware and iPXE say goes over the console.
 */
const SELF_TEST_MS = [15_000, 70_000] as const;
const KERNEL_BYTES = 12_000_000;
const RAMDISK_BYTES = 60_000_000;
const TFTP_BLOCKS = 60;
const TFTP_RETRY_MS = 1_000;
const TFTP_ATTEMPTS_MAX = 5;
/** Firmware that found nothing tries its list again after a while, or stands still. */
const AGAIN_MS = 30_000;
/** iPXE's commands give up on a server in this time. */
const HTTP_MS_MAX = 20_000;
/** For ever: until the power is cut. */
const HANG_MS = 10 * 365 * 86_400_000;

interface Boot {
  readonly world: World;
  readonly wire: Wire;
  readonly machine: Machine;
  readonly plug: Life;
  sleep(from: number, to?: number): Promise<void>;
  /** Hangs here when the seed says so. */
  mayHang(name: string): Promise<void>;
}

export async function bootMachine(world: World, wire: Wire, machine: Machine, plug: Life): Promise<void> {
  const clock = world.time.clockOf(plug);
  const sleep: Boot['sleep'] = (from, to = from) => clock.sleep(between(world.random, from, to));
  const boot: Boot = {
    world,
    wire,
    machine,
    plug,
    sleep,
    async mayHang(name) {
      if (!meets(world, name)) return;
      machine.runs = name;
      world.note(machine.name, `hangs: ${name}`);
      await sleep(HANG_MS);
    },
  };
  machine.print(`${machine.name} BIOS 1.0\r\n`);
  await boot.mayHang('hang-firmware');
  await sleep(...SELF_TEST_MS);
  const override = machine.override;
  if (override !== undefined && !override.persistent) machine.override = undefined;
  const wish = override?.device === 'network' ? 'network-first' : override?.device === 'disk' ? 'disk-first' : machine.bootOrder;
  for (;;) {
    for (const device of wish === 'network-first' ? (['network', 'disk'] as const) : (['disk', 'network'] as const))
      if ((await bootFrom(boot, device)) === 'runs') return;
    machine.print('No bootable device.\r\n');
    await sleep(AGAIN_MS);
  }
}

async function bootFrom(boot: Boot, device: 'network' | 'disk'): Promise<'runs' | 'not'> {
  const { machine, world } = boot;
  if (device === 'network') return networkBoot(boot);
  if (machine.disk.content === 'blank' || machine.disk.content === 'torn') return 'not';
  machine.runs = 'system';
  world.note(machine.name, `starts ${machine.disk.content} from its disk`);
  machine.print(`\r\n${machine.name} login: `);
  return 'runs';
}

const NO_ADDRESS: Readonly<Record<Exclude<Address['kind'], 'bound'>, string>> = {
  'no-link': 'PXE-E61: Media test failure, check cable',
  'no-offer': 'PXE-E51: No DHCP or proxyDHCP offers were received.',
  'no-ack': 'PXE-E52: proxyDHCP offers were received. No DHCP offers were received.',
};

async function networkBoot(boot: Boot): Promise<'runs' | 'not'> {
  const { machine } = boot;
  const address = await addressFor(boot, 'firmware');
  if (address.kind !== 'bound') {
    machine.print(`${NO_ADDRESS[address.kind]}\r\n`);
    return 'not';
  }
  if (address.bootFile === '') {
    machine.print('PXE-E53: No boot filename received\r\n');
    return 'not';
  }
  await boot.mayHang('hang-loader');
  if (!(await fetchLoader(boot, address))) {
    machine.print('PXE-E32: TFTP open timeout\r\n');
    return 'not';
  }
  return runIpxe(boot);
}

const addressFor = ({ world, wire, machine, plug }: Boot, loader: Loader): Promise<Address> =>
  getAddress(world, wire, machine, plug, loader);

/** Its blocks are lost like any packet; a server that is not there is asked some times. */
async function fetchLoader(boot: Boot, { ipAddress, bootFile }: Address & { kind: 'bound' }): Promise<boolean> {
  const { world } = boot;
  const startedMs = world.time.nowMs();
  const retransmits = Array.from({ length: TFTP_BLOCKS }, () => meets(world, 'network-loss', 0.2)).filter(Boolean).length;
  await boot.sleep(500 + retransmits * TFTP_RETRY_MS, 2_000 + retransmits * TFTP_RETRY_MS);
  for (let attempt = 0; attempt < TFTP_ATTEMPTS_MAX; attempt += 1) {
    const desk = world.boot();
    if (desk !== undefined) {
      const outcome = meets(world, 'network-loss', 0.08) ? 'timeout' : 'complete';
      desk.endTftp(ipAddress, bootFile, { outcome, bytes: outcome === 'complete' ? 90_000 : 30_000, retransmits, startedMs });
      return outcome === 'complete';
    }
    meets(world, 'kill-boot-server');
    await boot.sleep(4_000);
  }
  return false;
}

async function runIpxe(boot: Boot): Promise<'runs' | 'not'> {
  const { world, machine } = boot;
  machine.print('iPXE 1.21.1 -- Open Source Network Boot Firmware\r\n');
  const address = await addressFor(boot, 'ipxe');
  if (address.kind !== 'bound') {
    machine.print('Configuring (net0)...... No configuration methods succeeded (https://ipxe.org/040ee119)\r\n');
    return 'not';
  }
  for (;;) {
    const script = await fetchScript(boot, address.ipAddress);
    if (script === undefined) {
      machine.print('Connection timed out (https://ipxe.org/4c126035)\r\n');
      return 'not';
    }
    if (/^(sanboot|exit)/m.test(script)) return bootFrom(boot, 'disk');
    const line = /^kernel (\S+) (.*) \|\|/m.exec(script);
    if (line === null) {
      // Held: it asks again.
      await boot.sleep(10_000);
      continue;
    }
    await boot.mayHang('hang-loader');
    const token = /rackwright\.token=(\S+)/.exec(line[2]!)![1]!;
    const claimed = /rackwright\.node=(\S+)/.exec(line[2]!)?.[1];
    if (
      (await fetchFile(boot, address.ipAddress, 'kernel', KERNEL_BYTES)) &&
      (await fetchFile(boot, address.ipAddress, 'ramdisk', RAMDISK_BYTES))
    ) {
      await runKernel(boot, { token, claimed });
      return 'runs';
    }
    machine.print('The deploy agent could not be started. Asking again in 10 seconds.\r\n');
    world.note(machine.name, 'iPXE asks again');
    await boot.sleep(10_000);
  }
}

async function fetchScript(boot: Boot, ipAddress: string): Promise<string | undefined> {
  const { world, machine } = boot;
  await boot.sleep(50, 400);
  const desk = world.boot();
  if (desk === undefined || meets(world, 'network-loss', 0.1)) {
    if (desk === undefined) meets(world, 'kill-boot-server');
    await boot.sleep(HTTP_MS_MAX);
    return undefined;
  }
  // A boot server that is killed now never answers.
  const late = world.time.clockOf(boot.plug).sleep(HTTP_MS_MAX);
  return Promise.race([desk.script(machine.mac as never, ipAddress, machine.platform), late.then(() => undefined)]);
}

async function fetchFile(boot: Boot, ipAddress: string, name: string, bytes: number): Promise<boolean> {
  const { world } = boot;
  const startedMs = world.time.nowMs();
  await boot.sleep(1_000, 6_000);
  const desk = world.boot();
  if (desk === undefined) {
    meets(world, 'kill-boot-server');
    return false;
  }
  const isCut = meets(world, 'http-cut', 0.6) || meets(world, 'network-loss', 0.15);
  const sent = isCut ? whole(world.random, 1, bytes - 1) : bytes;
  desk.endFile(ipAddress, `/boot/<token>/${name}`, {
    outcome: isCut ? 'client-gone' : 'complete',
    start: 0,
    sent,
    wanted: bytes,
    startedMs,
  });
  return !isCut;
}

async function runKernel(boot: Boot, line: { readonly token: string; readonly claimed: string | undefined }): Promise<void> {
  const { world, machine, wire, plug } = boot;
  machine.print('Linux version 6.1.0\r\n');
  await boot.mayHang('hang-kernel');
  if (meets(world, 'kernel-panic')) {
    machine.print('Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n');
    return boot.sleep(HANG_MS);
  }
  await boot.sleep(8_000, 40_000);
  const end = await runRamdisk(world, wire, machine, plug, line, boot.mayHang);
  if (end === 'stopped') return;
  machine.print('reboot: Restarting system\r\n');
  machine.switchOff();
  machine.switchOn();
}
