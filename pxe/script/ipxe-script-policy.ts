import type { MacAddress } from '../../core/base/mac-address.ts';
import type { BootHost, BootIntent, IscsiDrive, NetworkImage, NetworkVolume } from '../boot-model.ts';
import { ipxeScriptUrl, type Processor } from './boot-file-policy.ts';

/** What is known about the machine that asks for its script. */
export interface ScriptRequest {
  readonly mac: MacAddress;
  /** Undefined for a stranger. */
  readonly host: BootHost | undefined;
  readonly strangers: StrangersDo;
  /** iPXE's `${platform}`: `pcbios` or `efi`; undefined when the request did not say. */
  readonly platform?: string | undefined;
  /** Undefined for x86-64. */
  readonly processor?: Processor | undefined;
  /** The boot server has no agent for that processor. */
  readonly isWithoutAgent?: boolean;
  /** `http://10.77.0.1:8080` */
  readonly baseUrl: string;
  readonly token: string;
  readonly agentCommandLine: string;
}

/** How long a held machine waits before it asks again: quick for the person who watches, slow for a rack of them. */
export const NEXT_TRY_SECONDS = 10;

/** The last `console=` becomes /dev/console: serial, where consoles are recorded. On ARM the firmware's SPCR table says which port that is. */
const CONSOLES = ' console=tty0 console=ttyS0,115200';

/**
 * Names and reasons come from anybody. iPXE has no quoting: `${…}` expands, `&&`, `||` and `;` end a command, a line feed ends
 * a line. So only characters that mean nothing to it are let through.
 */
export const plainText = (text: string): string => text.replace(/[^A-Za-z0-9 ._,:()/@+=-]/g, '?').slice(0, 200);

/** The operator's kernel arguments, less what iPXE would take for its own: expansion, line ends, command separators. */
export const kernelArguments = (text: string): string =>
  text
    .replace(/[^\x21-\x7e]+/g, ' ')
    .replaceAll('${', '{')
    .split(' ')
    .filter((word) => word !== '' && !/^(&&|\|\||;)$/.test(word))
    .join(' ');

/** What unknown machines do on their network: start the agent, start from their own disk, or wait. */
export type StrangersDo = 'discover' | 'disk' | 'hold';

type Asker = Pick<ScriptRequest, 'host' | 'strangers' | 'processor' | 'isWithoutAgent'>;

export function chooseIntent({ host, strangers, processor, isWithoutAgent = false }: Asker): BootIntent {
  const intent = intentOf(host, strangers);
  return intent.kind === 'agent' && isWithoutAgent
    ? {
        kind: 'hold',
        reason: `the boot server has no deploy agent for ${processor ?? 'x86-64'}; with arm64: true below boot in its configuration it makes one`,
      }
    : intent;
}

function intentOf(host: BootHost | undefined, strangers: StrangersDo): BootIntent {
  if (host) return host.boot;
  if (strangers === 'disk') return { kind: 'disk', reason: 'this machine is unknown and none of ours' };
  return strangers === 'discover'
    ? { kind: 'agent', reason: 'an unknown machine is discovered' }
    : { kind: 'hold', reason: 'this machine is unknown and discovery is off on its network' };
}

const askAgain = (request: ScriptRequest): string[] => [
  `sleep ${NEXT_TRY_SECONDS}`,
  `chain --replace --autofree ${ipxeScriptUrl(request.baseUrl, request.mac, request.processor)} || goto again`,
];

/** What the agent is told on its kernel's command line, whatever loads it. */
export const agentArguments = (request: Pick<ScriptRequest, 'mac' | 'token' | 'agentCommandLine' | 'host' | 'processor'>): string => {
  const { token, mac, host, processor } = request;
  const node = host ? ` rackwright.node=${plainText(host.nodeId)}` : '';
  return `BOOTIF=${mac} rackwright.token=${token}${node} ${kernelArguments(`${request.agentCommandLine} ${host?.kernelArguments ?? ''}`)}${processor === 'arm64' ? '' : CONSOLES}`;
};

/** Below `/boot/<token>/`. */
export const agentFile = (file: 'kernel' | 'ramdisk', { processor }: ScriptRequest): string =>
  processor === undefined ? file : `${file}-${processor}`;

function agentLines(request: ScriptRequest): string[] {
  const { baseUrl, token } = request;
  const base = `${baseUrl}/boot/${token}`;
  return [
    `kernel ${base}/${agentFile('kernel', request)} initrd=ramdisk ${agentArguments(request)} || goto again`,
    `initrd --name ramdisk ${base}/${agentFile('ramdisk', request)} || goto again`,
    'boot || goto again',
    ':again',
    `echo The deploy agent could not be started. Asking again in ${NEXT_TRY_SECONDS} seconds.`,
    ...askAgain(request),
  ];
}

/** BIOS reads the first disk itself; UEFI goes on to its next boot entry, which the installed system made. */
function diskLines(platform: string | undefined): string[] {
  const bios = ['sanboot --no-describe --drive 0x80 || exit 1'];
  if (platform === 'efi') return ['exit 1'];
  if (platform === 'pcbios') return bios;
  return ['iseq ${platform} pcbios || exit 1', ...bios];
}

/** A URL, a name or a password as one word of iPXE: what it would take for its own is left out. */
const oneWord = (text: string): string => kernelArguments(text).replaceAll(' ', '');

const imageUrl = ({ baseUrl, token }: ScriptRequest, name: string): string =>
  /^https?:\/\//.test(name) ? oneWord(name) : `${baseUrl}/images/${token}/${name.split('/').map(encodeURIComponent).join('/')}`;

const tryAgain = (request: ScriptRequest, what: string): string[] => [
  ':again',
  `echo ${what} could not be started. Asking again in ${NEXT_TRY_SECONDS} seconds.`,
  ...askAgain(request),
];

function imageLines(request: ScriptRequest, image: NetworkImage): string[] {
  if ('iso' in image) return [`sanboot --no-describe ${imageUrl(request, image.iso)} || goto again`, ...tryAgain(request, 'The ISO image')];
  const { kernel, ramdisk, kernelArguments: words } = image;
  return [
    `kernel ${imageUrl(request, kernel)} initrd=ramdisk BOOTIF=${request.mac} ${kernelArguments(words)} || goto again`,
    `initrd --name ramdisk ${imageUrl(request, ramdisk)} || goto again`,
    'boot || goto again',
    ...tryAgain(request, 'The ramdisk'),
  ];
}

/** BIOS numbers of hard disks begin here; firmware boots the first. */
const FIRST_DRIVE = 0x80;

function driveLines({ host, port, lun, target, chap }: IscsiDrive, at: number): string[] {
  const login = chap ? [`set username ${oneWord(chap.username)}`, `set password ${oneWord(chap.password)}`] : [];
  const uri = `iscsi:${oneWord(host)}::${port}:${lun.toString(16)}:${oneWord(target)}`;
  return ['clear username', 'clear password', ...login, `sanhook --drive 0x${(FIRST_DRIVE + at).toString(16)} ${uri} || goto again`];
}

/** The drives stay hooked and are told to the system by iBFT (ACPI) as `sanhook` does by default. */
const volumeLines = (request: ScriptRequest, { initiator, drives }: NetworkVolume): string[] => [
  `set initiator-iqn ${oneWord(initiator)}`,
  ...drives.flatMap(driveLines),
  'sanboot --no-describe --keep --drive 0x80 || goto again',
  ...tryAgain(request, 'The volume'),
];

const holdLines = (request: ScriptRequest): string[] => [
  `echo Asking again in ${NEXT_TRY_SECONDS} seconds.`,
  ':again',
  ...askAgain(request),
];

export const WHAT: Readonly<Record<BootIntent['kind'], string>> = {
  agent: 'starts the deploy agent',
  disk: 'starts from its local disk',
  hold: 'does not boot',
  image: 'starts its ramdisk',
  volume: 'starts from its volume',
};

function linesOf(request: ScriptRequest, intent: BootIntent): string[] {
  if (intent.kind === 'agent') return agentLines(request);
  if (intent.kind === 'disk') return diskLines(request.platform);
  if (intent.kind === 'image') return imageLines(request, intent.image);
  return intent.kind === 'volume' ? volumeLines(request, intent.volume) : holdLines(request);
}

/** The script for one machine, now. */
export function composeIpxeScript(request: ScriptRequest): string {
  const intent = chooseIntent(request);
  const who = plainText(request.host?.name ?? `unknown machine ${request.mac}`);
  const body = linesOf(request, intent);
  const what = WHAT[intent.kind];
  return ['#!ipxe', `echo Rackwright: ${who} ${what}: ${plainText(intent.reason)}`, ...body, ''].join('\n');
}
