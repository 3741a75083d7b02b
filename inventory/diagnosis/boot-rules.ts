import { CONSOLE_RULES } from '../console-pattern-policy.ts';
import { findings, told, wordsThat, type DiagnosisRule } from './diagnosis-facts.ts';

/** Other evidence tells more than these patterns do; PXE-E61 has a rule of its own. */
const TOLD_ELSEWHERE = ['pxe-e51', 'pxe-e53', 'pxe-e16', 'pxe-e18', 'ipxe-no-address', 'ipxe-error', 'no-bootable-device'];

const consoleRule = ({ pattern, what, advice }: (typeof CONSOLE_RULES)[number]): DiagnosisRule => ({
  name: `console-${pattern}`,
  cause: `${what}.`,
  wants: `${pattern} on the console`,
  advice,
  ...(TOLD_ELSEWHERE.includes(pattern) ? { unless: 'others' as const } : {}),
  find: (facts) => findings(facts, pattern).map(told),
});

/** Where a boot stopped, when nothing says why. */
const hang = (name: string, stage: string, test: RegExp, advice: string): DiagnosisRule => ({
  name,
  cause: `The machine hangs ${stage}.`,
  wants: 'a boot that fell silent there, and nothing that tells another cause',
  advice,
  unless: 'others',
  find: (facts) => wordsThat(facts, test),
});

export const BOOT_RULES: readonly DiagnosisRule[] = [
  ...CONSOLE_RULES.filter(({ pattern, severity }) => severity !== 'info' && pattern !== 'pxe-e61' && !TOLD_ELSEWHERE.includes(pattern)).map(
    consoleRule,
  ),
  hang(
    'hang-firmware',
    'in its firmware, or never tries the network',
    /sent no DHCP request/,
    'Look at its console and the hardware log of the BMC; at the boot order, the cable and the switch port.',
  ),
  hang('hang-loader', 'in its network boot', /the firmware fell silent/, 'Read its console; update the firmware of the NIC.'),
  hang(
    'hang-kernel',
    'in the kernel',
    /the kernel fell silent/,
    'Read its console from the last transfer on; a kernel option of a tag may help.',
  ),
  hang(
    'hang-ramdisk',
    'in the ramdisk, before its agent calls',
    /the ramdisk fell silent|the agent fell silent/,
    'Read its console; look whether the machine reaches the API.',
  ),
  ...CONSOLE_RULES.filter(({ pattern }) => TOLD_ELSEWHERE.includes(pattern)).map(consoleRule),
];
