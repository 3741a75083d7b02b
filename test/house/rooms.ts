/**
 * Who may import whom (docs/architecture.md). A room is a folder; files at its top level are its doors, what lies deeper is
 * private to it. Imports point to lower floors only.
 */
export interface Room {
  readonly path: string;
  readonly floor: number;
  /** Other rooms of the same floor may be imported. */
  readonly openFloor?: true;
  /** A protocol or a way of bytes that device rooms use too. */
  readonly forDevices?: true;
}

export const ROOMS: readonly Room[] = [
  { path: 'core/base', floor: 0 },
  { path: 'core/database', floor: 1, openFloor: true },
  { path: 'core/flow', floor: 1, openFloor: true },
  { path: 'core/transfer', floor: 1, forDevices: true },
  { path: 'network/ovsdb', floor: 1, forDevices: true },
  { path: 'pxe', floor: 2 },
  { path: 'bmc', floor: 2 },
  { path: 'hypervisor', floor: 2 },
  { path: 'deploy-agent', floor: 2 },
  { path: 'network/ovn', floor: 2 },
  { path: 'network/switch', floor: 2 },
  { path: 'identity', floor: 3 },
  { path: 'inventory', floor: 3 },
  { path: 'compute', floor: 3 },
  { path: 'images', floor: 3 },
  { path: 'network', floor: 3 },
  { path: 'storage', floor: 3 },
  { path: 'flows', floor: 4 },
  { path: 'api', floor: 5 },
  { path: 'orchestration', floor: 5 },
  { path: 'cli', floor: 6 },
];

/** Beside the floors: they have rules of their own below. */
const SIDE_ROOMS = ['lab/bmc', 'lab', 'dashboard', 'simulation', 'test'] as const;

const DEVICE_FLOOR = 2;
const within = (folder: string, path: string) => path.startsWith(`${folder}/`);
const roomOf = (path: string): Room | undefined => ROOMS.find((room) => within(room.path, path));
const sideRoomOf = (path: string): string | undefined => SIDE_ROOMS.find((room) => within(room, path));

/** The folder of the room that a file is in, or undefined for a folder that the house does not know. */
export const roomPathOf = (path: string): string | undefined => roomOf(path)?.path ?? sideRoomOf(path);

const isDoor = (room: string, path: string) => !path.slice(room.length + 1).includes('/');
const isCodec = (path: string) => path.endsWith('-codec.ts');
const LAB_MAY_IMPORT = (path: string) => within('core/base', path) || isCodec(path) || path === 'deploy-agent/protocol.ts';

function floorRule(from: Room, to: string): string | undefined {
  const target = roomOf(to);
  if (!target) {
    if (from.path === 'cli' && (within('lab', to) || (within('simulation', to) && isDoor('simulation', to)))) return undefined;
    return `${sideRoomOf(to)} stands beside the product: the product must run without it`;
  }
  if (from.floor === DEVICE_FLOOR && target.floor !== 0 && !target.forDevices)
    return 'a device room takes facts as parameters: of other rooms it may import core/base, core/transfer and network/ovsdb only';
  if (target.floor < from.floor) return undefined;
  if (target.floor === from.floor) {
    if (from.openFloor && target.openFloor) return undefined;
    return `${from.path} and ${target.path} are on one floor: work that touches both belongs one floor up`;
  }
  return `imports point downwards: ${target.path} is on floor ${target.floor}, above ${from.path} on ${from.floor}`;
}

function privacyRule(from: string, toRoom: string, to: string): string | undefined {
  if (isDoor(toRoom, to)) return undefined;
  const besides = from === 'test' || within('lab', `${from}/`);
  if (besides && isCodec(to)) return undefined;
  return `depth is privacy: only the files at the top of ${toRoom} are its doors`;
}

/** Programs whose parts their tests put together, since the program as a whole needs a machine of its own. */
const OPENED_FOR_TESTS: readonly (readonly [tests: string, program: string])[] = [
  ['test/agent', 'deploy-agent/agent'],
  ['test/kill', 'deploy-agent/agent'],
];

/** Why `from` may not import `to` (paths of files), or undefined when it may. */
export function whyForbidden(from: string, to: string): string | undefined {
  const fromRoom = roomPathOf(from);
  const toRoom = roomPathOf(to);
  if (fromRoom === undefined || toRoom === undefined) return `no room of the house: ${fromRoom === undefined ? from : to}`;
  if (fromRoom === toRoom) return undefined;
  if (toRoom === 'test') return 'nothing imports a test';
  if (OPENED_FOR_TESTS.some(([tests, program]) => within(tests, from) && within(program, to))) return undefined;
  if (fromRoom === 'test') return privacyRule('test', toRoom, to);
  if (fromRoom === 'simulation') return isCodec(to) ? undefined : privacyRule('simulation', toRoom, to);
  if (fromRoom === 'dashboard') return 'the dashboard knows only the generated types of the API';
  if (within('lab', `${fromRoom}/`)) {
    if (toRoom === 'lab/bmc') return privacyRule(fromRoom, toRoom, to);
    if (fromRoom === 'lab/bmc' && toRoom === 'lab') return 'lab/bmc stands alone: the rack uses it, not the other way round';
    return LAB_MAY_IMPORT(to)
      ? undefined
      : 'the lab may not cheat: core/base, codecs and deploy-agent/protocol.ts, all else through real processes';
  }
  return floorRule(roomOf(from)!, to) ?? privacyRule(fromRoom, toRoom, to);
}
