/*
 * What a serial console says about why a machine does not come up, and that it did. Bytes become lines: escape sequences taken out, a move of
 * the cursor counted as a line's end (firmware paints screens), long lines cut. A line is judged by a table of rules; so is an
 * unfinished one that stays: a prompt has no end.
 */
/** `fatal`: this boot goes nowhere any more; `info`: a sign of life. */
export type FindingSeverity = 'info' | 'warning' | 'error' | 'fatal';

export interface ConsoleFinding {
  readonly pattern: string;
  readonly severity: FindingSeverity;
  /** What it is, with the line that says so. */
  readonly message: string;
  /** What a person can do. */
  readonly advice: string;
}

/** A kernel's longest lines have 1024 characters; a screen painted without any end must not pile up. */
export const LINE_CHARACTERS_MAX = 1024;
/** As much of a line as a sentence can carry. */
const QUOTED_CHARACTERS_MAX = 160;

export const FINDING_EVENT = 'console.finding';
/** Of the events `bmc.power`, those after which a machine starts anew. */
export const POWER_ON_ACTIONS = ['on', 'cycle', 'reset'] as const;

interface Rule {
  readonly pattern: string;
  readonly severity: FindingSeverity;
  readonly test: RegExp;
  readonly what: string;
  readonly advice: string;
}

/** The first that fits a line is its finding. */
export const CONSOLE_RULES: readonly Rule[] = [
  {
    pattern: 'kernel-panic',
    severity: 'fatal',
    test: /Kernel panic - not syncing/,
    what: 'The kernel panicked',
    advice:
      'Read the lines before it: "unable to mount root" is a wrong root device or a missing driver, others are the kernel or the hardware.',
  },
  {
    pattern: 'no-bootable-device',
    severity: 'fatal',
    test: /No bootable device|Operating System not found|Missing operating system|No bootable option or device was found|Reboot and Select proper Boot device/i,
    what: 'The firmware found nothing to boot',
    advice:
      'Look at the boot order and whether the boot mode (BIOS, UEFI) fits the image; for a network boot at the cable and the switch port.',
  },
  {
    pattern: 'grub-rescue',
    severity: 'fatal',
    test: /^\s*grub(?: rescue)?>/,
    what: 'GRUB stands at its prompt',
    advice:
      'Its configuration or its partition is not found: deploy the image again, or boot the machine into rescue and install GRUB anew.',
  },
  {
    pattern: 'secure-boot-violation',
    severity: 'error',
    test: /Secure Boot Violation|\bSecurity Violation|bad shim signature|BdsDxe: failed to load .*: (?:Access Denied|Security Violation)/i,
    what: 'Secure Boot refused to start it',
    advice: 'Boot what is signed with a key that the machine trusts, or switch Secure Boot off for this node.',
  },
  {
    pattern: 'initramfs-shell',
    severity: 'error',
    test: /^\s*\(initramfs\)|Dropping to a shell/,
    what: 'The initramfs stopped at its shell',
    advice: 'The root file system was not found: compare root= of the kernel line with the disk, and look for the missing storage driver.',
  },
  {
    pattern: 'emergency-mode',
    severity: 'error',
    test: /You are in emergency mode|Entering emergency mode|Give root password for maintenance/,
    what: 'The system stopped in emergency mode',
    advice: 'A file system of /etc/fstab or a unit that the boot needs failed: read `journalctl -xb` on the console.',
  },
  {
    pattern: 'uefi-shell',
    severity: 'error',
    test: /UEFI Interactive Shell v|^\s*Shell>/,
    what: 'The firmware ended in its UEFI shell',
    advice: 'No entry of the boot order could be started: look at the boot order and at the EFI system partition.',
  },
  {
    pattern: 'machine-check',
    severity: 'error',
    test: /Machine Check Exception|\[Hardware Error\].*(?:Uncorrected|Fatal)/i,
    what: 'The processor reported a hardware error',
    advice: 'Read the hardware log of the BMC (`node log`); processor, memory or board want a service.',
  },
  {
    pattern: 'memory-uncorrectable',
    severity: 'error',
    test: /EDAC MC\d+: \d+ UE |Uncorrectable (?:memory|ECC) error/i,
    what: 'The memory has an error that can not be corrected',
    advice: 'Replace the module that the line or the hardware log of the BMC (`node log`) names.',
  },
  {
    pattern: 'memory-corrected',
    severity: 'warning',
    test: /EDAC MC\d+: \d+ CE /,
    what: 'The memory corrected an error',
    advice: 'Once is nothing; when it comes again, plan to replace the module that the line names.',
  },
  {
    pattern: 'pxe-e16',
    severity: 'warning',
    test: /PXE-E16\b/,
    what: 'The network boot got no offer that it could use',
    advice: 'The DHCP request was not answered, or told no boot file: look at the VLAN of the switch port, the relay, and the boot trace.',
  },
  {
    pattern: 'pxe-e18',
    severity: 'warning',
    test: /PXE-E18\b/,
    what: 'The network boot got no answer from its server',
    advice: 'The address was given but the server is not reached: look at the way from the machine to the boot server, and at a firewall.',
  },
  {
    pattern: 'pxe-e51',
    severity: 'warning',
    test: /PXE-E51\b/,
    what: 'The network boot was offered no address',
    advice: 'The DHCP request was not answered: look at the VLAN of the switch port, the relay, and whether the MAC is a known port.',
  },
  {
    pattern: 'pxe-e53',
    severity: 'warning',
    test: /PXE-E53\b/,
    what: 'The network boot was told no boot file',
    advice: 'Another DHCP server answered first, or this machine shall not boot from the network now: read the boot trace.',
  },
  {
    pattern: 'pxe-e61',
    severity: 'warning',
    test: /PXE-E61\b/,
    what: 'The NIC has no link',
    advice: 'Look at the cable and the switch port, or take this NIC out of the boot order.',
  },
  {
    pattern: 'ipxe-no-address',
    severity: 'warning',
    // A console of 80 columns breaks the sentence; the code is that of its end.
    test: /No configuration methods|ipxe\.org\/(?:err\/)?040ee1[0-9a-f]{2}\b/,
    what: 'iPXE was offered no address',
    advice: 'The DHCP request was not answered: look at the VLAN of the switch port, the relay, and whether the MAC is a known port.',
  },
  {
    pattern: 'ipxe-error',
    severity: 'warning',
    test: /\(https?:\/\/ipxe\.org\/(?:err\/)?[0-9a-f]{4,8}\)/,
    what: 'iPXE failed',
    advice: 'The page that it names explains the code; the boot trace shows what the boot server saw of it.',
  },
  {
    pattern: 'login-prompt',
    severity: 'info',
    test: /\blogin:\s*$/,
    what: 'A system asks for a login',
    advice: 'It has started.',
  },
];

const ESCAPE = String.fromCharCode(0x1b);
const BELL = String.fromCharCode(0x07);
/** ECMA-48: CUP and HVP, next line, index. */
const CURSOR_MOVES = new RegExp(`${ESCAPE}(?:\\[[0-9;]*[HfEF]|[ED])`, 'g');
/** ECMA-48: CSI and OSC sequences, character sets, and the short ones. */
const ESCAPES = new RegExp(
  `${ESCAPE}(?:\\[[0-?]*[ -/]*[@-~]|\\][^${BELL}${ESCAPE}]*(?:${BELL}|${ESCAPE}\\\\)|[()#][A-Za-z0-9]|[A-Z\\\\^_=>78])`,
  'g',
);

/**
 * @param rest what the chunk before left unfinished, raw
 * @returns finished lines as plain text, and the new rest
 */
export function takeLines(rest: string, chunk: string): { readonly lines: readonly string[]; readonly rest: string } {
  const pieces = (rest + chunk).replace(CURSOR_MOVES, '\n').split(/[\r\n]+/);
  const isTooLong = pieces.at(-1)!.length > LINE_CHARACTERS_MAX;
  const left = isTooLong ? '' : pieces.pop()!;
  return {
    lines: pieces
      .flatMap(cut)
      .map(toPlain)
      .filter((line) => line.trim() !== ''),
    rest: left,
  };
}

const toPlain = (line: string): string => line.replace(ESCAPES, '');

function cut(line: string): string[] {
  const parts: string[] = [];
  for (let at = 0; at < line.length; at += LINE_CHARACTERS_MAX) parts.push(line.slice(at, at + LINE_CHARACTERS_MAX));
  return parts;
}

/** The unfinished line, which stands there for a while: a prompt, or a firmware's last words. What it tells is told: it is to be forgotten. */
export const judgeRest = (rest: string): ConsoleFinding | undefined => judgeLine(toPlain(rest));

export function judgeLine(line: string): ConsoleFinding | undefined {
  const rule = CONSOLE_RULES.find(({ test }) => test.test(line));
  if (rule === undefined) return undefined;
  const { pattern, severity, what, advice } = rule;
  return { pattern, severity, message: `${what}: "${quote(line)}"`, advice };
}

const quote = (line: string): string =>
  line
    .trim()
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(0, QUOTED_CHARACTERS_MAX);
