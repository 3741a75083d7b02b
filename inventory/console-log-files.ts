import { appendFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/*
 * What machines said on their consoles, in the data folder: `<node>.log`, and `<node>.log.1` with what came before, each up
 * to half of the limit.
 */
/** Some boots of a talkative server; a thousand nodes are a GiB. */
export const CONSOLE_LOG_BYTES_MAX = 2 ** 20;
/** Consoles show what people type and what systems print: for the owner of the data folder only. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

export interface ConsoleLogs {
  append(nodeUuid: string, bytes: Buffer): Promise<void>;
  /** The newest bytes, at most CONSOLE_LOG_BYTES_MAX; undefined when nothing was recorded by a process with this folder. */
  read(nodeUuid: string): Promise<Buffer | undefined>;
  /** Removes the files of all other nodes. */
  keepOnly(nodeUuids: ReadonlySet<string>): Promise<void>;
}

const unlessMissing = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT') throw error;
};

export function createConsoleLogs(directory: string): ConsoleLogs {
  const pathOf = (nodeUuid: string) => join(directory, `${nodeUuid}.log`);
  return {
    async append(nodeUuid, bytes) {
      await mkdir(directory, { recursive: true, mode: FOLDER_MODE });
      const path = pathOf(nodeUuid);
      const sizeBytes = (await stat(path).catch(unlessMissing))?.size ?? 0;
      if (sizeBytes > 0 && sizeBytes + bytes.length > CONSOLE_LOG_BYTES_MAX / 2) await rename(path, `${path}.1`);
      await appendFile(path, bytes.subarray(-CONSOLE_LOG_BYTES_MAX / 2), { mode: FILE_MODE });
    },
    async read(nodeUuid) {
      const path = pathOf(nodeUuid);
      const [before, now] = await Promise.all([`${path}.1`, path].map((each) => readFile(each).catch(unlessMissing)));
      return before === undefined && now === undefined ? undefined : Buffer.concat([before ?? Buffer.alloc(0), now ?? Buffer.alloc(0)]);
    },
    async keepOnly(nodeUuids) {
      const names = (await readdir(directory).catch(unlessMissing)) ?? [];
      const strangers = names.filter((name) => !nodeUuids.has(name.replace(/\.log(\.1)?$/, '')));
      await Promise.all(strangers.map((name) => rm(join(directory, name), { force: true })));
    },
  };
}
