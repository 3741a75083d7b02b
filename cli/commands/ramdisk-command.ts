import { Command, InvalidArgumentError, Option } from 'commander';
import { join } from 'node:path';
import type { DebianArchitecture } from '../../deploy-agent/debian-packages.ts';
import { buildRamdisk } from '../../deploy-agent/build-ramdisk.ts';
import { buildBootIso } from '../../images/build-boot-iso.ts';
import { startProgress } from '../terminal/progress.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { writeJson } from '../terminal/write-json.ts';

const RAMDISK_CACHE = join(import.meta.dirname, '../../.cache/ramdisk');

/** `serve` builds the ramdisk by itself at its first start; this is for machines whose control plane has no way to Debian's packages. */
export const ramdiskCommand = (terminal: Terminal): Command =>
  new Command('ramdisk').description("the deploy agent's kernel and ramdisk").addCommand(
    new Command('build')
      .description('build it, or take it from the cache')
      .option('--cache <dir>', 'where builds are kept (`ramdisk_cache` of the configuration)', RAMDISK_CACHE)
      .addOption(new Option('--architecture <name>', 'of the machines that boot it').choices(['amd64', 'arm64']).default('amd64'))
      .option('--iso', 'also the CD that boots it from virtual media')
      .option('--json', 'print paths and version as JSON')
      .addHelpText(
        'after',
        '\nExamples:\n  $ rackwright ramdisk build\n  $ rackwright ramdisk build --cache /var/lib/rackwright/ramdisk --json\n  $ rackwright ramdisk build --architecture arm64',
      )
      .action(async (flags: { cache: string; architecture: DebianArchitecture; iso?: true; json?: true }) => {
        if (flags.iso === true && flags.architecture !== 'amd64') throw new InvalidArgumentError('the boot CD is made for amd64 only');
        const progress = startProgress(terminal, Date.now);
        const build = async () => {
          const ramdisk = await buildRamdisk({
            architecture: flags.architecture,
            cacheDirectory: flags.cache,
            onProgress: (line) => progress.show(line),
          });
          return flags.iso === true ? { ...ramdisk, iso: (await buildBootIso(ramdisk, flags.cache)).path } : ramdisk;
        };
        const built = await build().finally(() => progress.end());
        if (flags.json === true) return writeJson(terminal, true, built);
        terminal.out([built.kernel, built.ramdisk, ...('iso' in built ? [built.iso] : [])].join('\n'));
      }),
  );
