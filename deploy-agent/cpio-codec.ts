/**
 * cpio "newc" archives, the form of the kernel's initial ramdisk (Documentation/driver-api/early-userspace/buffer-format).
 *
 *   "070701" + 13 fields of 8 hex digits:
 *   ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
 *   name NUL, padded to 4 | data, padded to 4 | ... | entry "TRAILER!!!"
 *
 * Written the same for the same input: sorted by path, owner root, time zero, inodes by position.
 */
export type CpioEntry =
  | { readonly type: 'directory'; readonly mode?: number }
  | { readonly type: 'file'; readonly data: Buffer; readonly mode?: number }
  | { readonly type: 'link'; readonly target: string }
  | { readonly type: 'character-device'; readonly major: number; readonly minor: number; readonly mode?: number };

/** Path (relative, without a leading slash) to entry. */
export type CpioTree = Map<string, CpioEntry>;

const MODE = { directory: 0o040755, file: 0o100644, link: 0o120777, 'character-device': 0o020600 } as const;
const TYPE_BITS = 0o170000;

const padding = (length: number) => Buffer.alloc((4 - (length % 4)) % 4);

function encodeEntry(inode: number, path: string, mode: number, data: Buffer, device: readonly [number, number]): Buffer[] {
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, device[0], device[1], name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [header, name, padding(header.length + name.length), data, padding(data.length)];
}

/** Missing parent folders are added. */
export function encodeCpio(tree: CpioTree): Buffer[] {
  const complete: CpioTree = new Map(tree);
  for (const path of tree.keys()) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) {
      const parent = parts.slice(0, depth).join('/');
      if (!complete.has(parent)) complete.set(parent, { type: 'directory' });
    }
  }
  const chunks: Buffer[] = [];
  const paths = [...complete.keys()].sort();
  paths.forEach((path, index) => {
    const entry = complete.get(path)!;
    const mode = 'mode' in entry && entry.mode !== undefined ? (MODE[entry.type] & TYPE_BITS) | entry.mode : MODE[entry.type];
    const data = entry.type === 'file' ? entry.data : entry.type === 'link' ? Buffer.from(entry.target) : Buffer.alloc(0);
    const device = entry.type === 'character-device' ? ([entry.major, entry.minor] as const) : ([0, 0] as const);
    chunks.push(...encodeEntry(index + 1, path, mode, data, device));
  });
  chunks.push(...encodeEntry(0, 'TRAILER!!!', 0, Buffer.alloc(0), [0, 0]));
  return chunks;
}
