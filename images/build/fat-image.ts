import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { runCommand } from '../../deploy-agent/native-command.ts';

/** One moment for every file in every image, so that the same content gives the same bytes. */
const FIXED_TIME = { SOURCE_DATE_EPOCH: '1672531200', MTOOLS_SKIP_CHECK: '1', TZ: 'UTC' };

/** A FAT file system with these files, made by mtools: no loop device, no mount. */
export async function makeFatImage(sizeBytes: number, label: string, files: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  const work = await mkdtemp(join(tmpdir(), 'rackwright-fat-'));
  try {
    const image = join(work, 'fat.img');
    await writeFile(image, '');
    await truncate(image, sizeBytes);
    await runCommand('mformat', ['-i', image, '-v', label, '-N', '52574c42', '::'], { env: FIXED_TIME });
    const folders = new Set<string>();
    for (const path of files.keys()) for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
    for (const folder of [...folders].sort()) await runCommand('mmd', ['-i', image, `::${folder}`], { env: FIXED_TIME });
    for (const [path, data] of files) {
      const source = join(work, 'file');
      await writeFile(source, data);
      await runCommand('mcopy', ['-i', image, source, `::${path}`], { env: FIXED_TIME });
    }
    return await readFile(image);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
