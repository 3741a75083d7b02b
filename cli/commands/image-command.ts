import { Command } from 'commander';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buildImage, type BuiltImage } from '../../images/build-image.ts';
import { formatSeconds, startProgress } from '../terminal/progress.ts';
import { CommandError, EXIT_CODE } from '../terminal/exit-code.ts';
import { formatTable } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { jsonOption, writeJson } from '../terminal/write-json.ts';

const IMAGE_CACHE = join(import.meta.dirname, '../../.cache/images');
const NAMES = ['debian', 'debian-partition', 'tiny'] as const;
const MIB = 1024 * 1024;

const isImageName = (name: string): name is BuiltImage['name'] & (typeof NAMES)[number] => (NAMES as readonly string[]).includes(name);

async function build(terminal: Terminal, name: string, cacheDirectory: string, json: string | true | undefined): Promise<void> {
  if (!isImageName(name)) throw new CommandError(`no image is called ${name}`, EXIT_CODE.usage, `choose one of: ${NAMES.join(', ')}`);
  const startedMs = Date.now();
  const progress = startProgress(terminal, Date.now);
  let image: BuiltImage;
  try {
    image = await buildImage({ name, cacheDirectory, onProgress: (line) => progress.show(line) });
  } finally {
    progress.end();
  }
  if (json !== undefined) await writeJson(terminal, json, image);
  if (json !== true)
    terminal.out(
      `${image.path}\n${(image.sizeBytes / MIB).toFixed(1)} MiB packed, ${(image.diskSizeBytes / MIB).toFixed(0)} MiB as a disk, ${formatSeconds(Date.now() - startedMs)}`,
    );
}

/** Newest first. The records lie beside the images; one without its image is of a build that was cleaned away. */
async function builtImages(cacheDirectory: string): Promise<(BuiltImage & { readonly builtAt: string })[]> {
  const found: (BuiltImage & { builtAt: string })[] = [];
  for (const file of await readdir(cacheDirectory).catch(() => [])) {
    if (!/^(debian|debian-partition|tiny)-[0-9a-f]{16}\.json$/.test(file)) continue;
    const image = JSON.parse(await readFile(join(cacheDirectory, file), 'utf8')) as BuiltImage;
    const path = join(cacheDirectory, file.replace(/json$/, 'raw.zst'));
    const packed = await stat(path).catch(() => undefined);
    if (packed) found.push({ ...image, path, builtAt: packed.mtime.toISOString() });
  }
  return found.sort((a, b) => b.builtAt.localeCompare(a.builtAt));
}

async function list(terminal: Terminal, cacheDirectory: string, json: string | true | undefined): Promise<void> {
  const images = await builtImages(cacheDirectory);
  if (json !== undefined) return writeJson(terminal, json, { images });
  if (images.length === 0) return terminal.err('no images yet; build one with: rackwright image build tiny');
  terminal.out(
    formatTable(
      images,
      [
        { title: 'name', value: ({ name }) => name },
        { title: 'version', value: ({ version }) => version },
        { title: 'packed MiB', value: ({ sizeBytes }) => (sizeBytes / MIB).toFixed(1), align: 'right' },
        { title: 'disk MiB', value: ({ diskSizeBytes }) => (diskSizeBytes / MIB).toFixed(0), align: 'right' },
        { title: 'user', value: ({ defaultUser }) => defaultUser },
        { title: 'built', value: ({ builtAt }) => builtAt.slice(0, 16) },
      ],
      terminal.columns,
    ),
  );
}

export function imageCommand(terminal: Terminal): Command {
  const command = new Command('image').description('operating system images').helpCommand(false);
  command
    .command('build')
    .description("build an image from the system's own Debian sources; answers from the cache when nothing changed")
    .argument('<name>', 'debian, debian-partition (one file system, for `image_type: partition`) or tiny')
    .option('--cache <directory>', 'where images are kept', IMAGE_CACHE)
    .addOption(jsonOption('the image as JSON, to the file or to standard output'))
    .addHelpText('after', '\nExamples:\n  $ rackwright image build tiny\n  $ rackwright image build debian --json\n')
    .action((name: string, options: { cache: string; json?: string | true }) => build(terminal, name, options.cache, options.json));
  command
    .command('list')
    .description('list the images that were built')
    .option('--cache <directory>', 'where images are kept', IMAGE_CACHE)
    .addOption(jsonOption('the list as JSON, to the file or to standard output'))
    .addHelpText('after', '\nExamples:\n  $ rackwright image list\n  $ rackwright image list --json\n')
    .action((options: { cache: string; json?: string | true }) => list(terminal, options.cache, options.json));
  return command;
}
