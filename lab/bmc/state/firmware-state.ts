import type { TaskList, EmulatedTask } from './task-list.ts';

/**
 * Software of the machine by component. An update fetches its image for real; the new version is what the image's first line
 * says (`version: 2.1.0`), or the number in its name. The BMC's own takes effect at once, the others at the next start.
 */
export interface FirmwareItem {
  readonly id: string;
  readonly name: string;
  version: string;
  pending: string | undefined;
}

export interface PushedImage {
  readonly name: string;
  readonly sizeBytes: number;
  /** Its first bytes as text. */
  readonly head: string;
}

export interface FirmwareState {
  readonly items: readonly FirmwareItem[];
  version(id: string): string;
  /** Fetches the image. Undefined target: what the image's name begins with, else the BIOS. */
  update(url: string, target: string | undefined): EmulatedTask;
  /** The image came with the request. */
  install(image: PushedImage, target: string | undefined): EmulatedTask;
  apply(): void;
}

const IMAGE_BYTES_MAX = 256 * 1024 ** 2;
const FETCH_MS_MAX = 60_000;
export const HEAD_BYTES = 256;

async function fetchHead(url: string): Promise<string> {
  const reply = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS_MAX) });
  if (!reply.ok || reply.body === null) throw new Error(`The image cannot be fetched: HTTP ${reply.status}.`);
  let size = 0;
  let head = Buffer.alloc(0);
  for await (const piece of reply.body) {
    size += piece.length;
    if (size > IMAGE_BYTES_MAX) throw new Error('The image is too large.');
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, piece]);
  }
  if (size === 0) throw new Error('The image is empty.');
  return head.toString('latin1', 0, HEAD_BYTES);
}

export function createFirmwareState(tasks: TaskList): FirmwareState {
  const item = (id: string, name: string, version: string): FirmwareItem => ({ id, name, version, pending: undefined });
  const items = [
    item('BMC', 'Baseboard management controller', '1.00'),
    item('BIOS', 'System firmware', '1.0.0'),
    item('NIC.1', 'Network adapter', '20.5.1'),
    item('RAID.1', 'Storage controller', '7.2.0'),
  ];
  const apply = () => {
    for (const each of items) {
      each.version = each.pending ?? each.version;
      each.pending = undefined;
    }
  };
  const start = (file: string, readHead: () => Promise<string>, target: string | undefined) =>
    tasks.start('Firmware update', async (task) => {
      const named = items.find((each) => file.toLowerCase().startsWith(each.id.toLowerCase()));
      const found = target === undefined ? (named ?? items[1]!) : items.find((each) => each.id === target)!;
      const head = await readHead();
      task.percent = 50;
      const version = /^version: (\S+)/.exec(head)?.[1] ?? /(\d+(?:\.\d+)+)/.exec(file)?.[1];
      if (version === undefined) throw new Error(`The image is not for ${found.id}: no version in it.`);
      found.pending = version;
      if (found.id === 'BMC') apply();
      return `${found.name} ${version} is installed${found.id === 'BMC' ? '' : ' and takes effect at the next start'}.`;
    });
  return {
    items,
    version: (id) => items.find((each) => each.id === id)!.version,
    update: (url, target) => start(new URL(url).pathname.split('/').at(-1) ?? '', () => fetchHead(url), target),
    install: ({ name, sizeBytes, head }, target) =>
      start(
        name,
        async () => {
          if (sizeBytes === 0) throw new Error('The image is empty.');
          return head;
        },
        target,
      ),
    apply,
  };
}
