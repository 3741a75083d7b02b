import { agentArguments, agentFile, chooseIntent, NEXT_TRY_SECONDS, plainText, WHAT, type ScriptRequest } from './ipxe-script-policy.ts';

/*
 * The same orders for GRUB, which firmware with Secure Boot starts through shim because both are signed (iPXE is not). Distributions' signed GRUB has no HTTP
 * and loads no module that is not in it, so kernel and ramdisk come by TFTP. Its signed kernel stays locked down.
 */

/** GRUB reads this first, for ever the same: a machine that is held asks again without growing a stack of configurations. */
export const GRUB_LOOP = `while true; do
  source /grub/machine.cfg
  sleep --interruptible ${NEXT_TRY_SECONDS}
done
`;

/** In GRUB's single quotes nothing has a meaning but the quote itself. */
const quoted = (word: string): string => `'${word.replaceAll("'", '').replace(/[^\x20-\x7e]/g, '?')}'`;

export const grubWords = (args: string): string => args.split(' ').filter(Boolean).map(quoted).join(' ');

function agentLines(request: ScriptRequest): string[] {
  return [
    // A load that fails leaves what an earlier try has loaded: `boot` only after both.
    `if linux /boot/${request.token}/${agentFile('kernel', request)} ${grubWords(agentArguments(request))}; then`,
    `  if initrd /boot/${request.token}/${agentFile('ramdisk', request)}; then boot; fi`,
    'fi',
    `echo 'The deploy agent could not be started. Asking again in ${NEXT_TRY_SECONDS} seconds.'`,
  ];
}

/** An installed system's loader where UEFI looks for it on any disk; GRUB's own exit would end in the firmware's menu. */
function diskLines({ processor }: ScriptRequest): string[] {
  const loader = `/EFI/BOOT/BOOT${processor === 'arm64' ? 'AA64' : 'X64'}.EFI`;
  return [
    `search --no-floppy --set=disk --file ${loader}`,
    `if chainloader ($disk)${loader}; then boot; fi`,
    `echo 'No disk has ${loader}. Going back to the firmware.'`,
    'exit',
  ];
}

/** The orders for one machine, now. */
export function composeGrubScript(request: ScriptRequest): string {
  const intent = chooseIntent(request);
  const who = plainText(request.host?.name ?? `unknown machine ${request.mac}`);
  const say = (what: string) => `echo ${quoted(`Rackwright: ${who} ${what}: ${plainText(intent.reason)}`)}`;
  if (intent.kind === 'agent') return [say(WHAT.agent), ...agentLines(request), ''].join('\n');
  if (intent.kind === 'disk') return [say(WHAT.disk), ...diskLines(request), ''].join('\n');
  if (intent.kind === 'hold') return [say(WHAT.hold), ''].join('\n');
  const what = intent.kind === 'image' ? 'a ramdisk over HTTP' : 'an iSCSI volume';
  return [say(`does not boot, as signed GRUB cannot start ${what}; switch Secure Boot off or deploy to a disk`), ''].join('\n');
}
