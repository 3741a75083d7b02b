import { after, type Clock } from '../../core/base/clock.ts';
import { encodeBootToken, BOOT_TOKEN_LIFETIME_MS } from '../../core/base/boot-token-codec.ts';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import type { MacAddress } from '../../core/base/mac-address.ts';
import type { AskHost, BootHost, BootIntent } from '../boot-model.ts';
import type { LeaseBook } from '../lease/lease-book.ts';
import type { Processor } from '../script/boot-file-policy.ts';
import { composeGrubScript } from '../script/grub-script-policy.ts';
import { chooseIntent, composeIpxeScript, type StrangersDo } from '../script/ipxe-script-policy.ts';
import type { BootCounters } from './boot-counters.ts';
import { type IndexedSubnet, type ModelIndex, serverNextTo, urlHost } from './model-index.ts';

/** iPXE binaries that firmware may load without a token: it has none yet. */
export const IPXE_BINARIES: ReadonlySet<string> = new Set(['undionly.kpxe', 'snponly.efi', 'snponly-arm64.efi', 'ipxe.efi']);

/** Who asks, as seen by TFTP and HTTP. */
export interface BootClient {
  readonly ipAddress: string;
  readonly mac?: MacAddress;
  readonly nodeId?: string;
  readonly architecture?: number;
}

/** Answers who is at an address and what script a machine gets, from the current model and leases. */
export interface BootDirectory {
  identify(ipAddress: string): BootClient;
  /** The MACs belong to one machine, as far as the model knows. */
  sameMachine(a: MacAddress, b: MacAddress): boolean;
  script(mac: MacAddress, clientAddress: string, loader: Loader): Promise<BootScript>;
}

/** What is known of the program that asks for a script. */
export interface Loader {
  /** iPXE's `${platform}`. */
  readonly platform?: string | undefined;
  readonly processor?: Processor | undefined;
  /** Default: iPXE. */
  readonly isGrub?: boolean;
}

export interface BootScript {
  readonly text: string;
  readonly kind: BootIntent['kind'];
  readonly reason: string;
  /** Undefined: a stranger. */
  readonly host: BootHost | undefined;
}

export interface DirectoryOptions {
  readonly currentIndex: () => ModelIndex;
  readonly leases: Pick<LeaseBook, 'clientAt'>;
  readonly clock: Clock;
  readonly httpPort: () => number;
  readonly counters: BootCounters;
  readonly askHost: AskHost | undefined;
}

/** A control plane that does not answer in this time is away: the machine boots by what was known last. */
const ASK_HOST_MS_MAX = 300;

/** The machine as it is known this very moment: a boot right after a change must not meet the old intent. */
async function currentHost(mac: MacAddress, { askHost, currentIndex, counters, clock }: DirectoryOptions): Promise<BootHost | undefined> {
  const remembered = () => currentIndex().hostByMac.get(mac);
  if (askHost === undefined) return remembered();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const cancel = after(clock, ASK_HOST_MS_MAX, () => reject(new Error('late')));
  try {
    return await Promise.race([askHost(mac), late]);
  } catch {
    counters.add('script.from-memory');
    return remembered();
  } finally {
    cancel();
  }
}

/** Where the network is not known, the most that any of them allows. */
function strangersOn(subnets: readonly IndexedSubnet[]): StrangersDo {
  const isOpen = (s: IndexedSubnet) => s.subnet.proxy === 'enroll' || s.discoveryPool !== undefined || s.ipv6?.discoveryPool !== undefined;
  if (subnets.some(isOpen)) return 'discover';
  return subnets.some((s) => s.subnet.proxy === 'everyone') ? 'disk' : 'hold';
}

export function createBootDirectory(options: DirectoryOptions): BootDirectory {
  const { currentIndex, leases, clock, httpPort } = options;
  return {
    identify(ipAddress) {
      const index = currentIndex();
      const lease = leases.clientAt(ipAddress, clock.nowMs());
      const number = ipv4ToNumber(ipAddress);
      const reservedFor = number === undefined ? index.hostByReservedAddress6.get(ipAddress) : index.hostByReservedAddress.get(number);
      const host = (lease && index.hostByMac.get(lease.mac)) ?? reservedFor;
      return {
        ipAddress,
        ...(lease ? { mac: lease.mac } : {}),
        ...(host ? { nodeId: host.nodeId } : {}),
        ...(lease?.architecture === undefined ? {} : { architecture: lease.architecture }),
      };
    },
    sameMachine(a, b) {
      const { hostByMac } = currentIndex();
      return a === b || (hostByMac.has(a) && hostByMac.get(a) === hostByMac.get(b));
    },
    async script(mac, clientAddress, { platform, processor, isGrub = false }) {
      const host = await currentHost(mac, options);
      const index = currentIndex();
      const next = serverNextTo(index, clientAddress);
      const strangers = strangersOn(next ? [next.subnet] : index.subnets);
      const claims = { mac, ...(host ? { nodeId: host.nodeId } : {}), expiresAtMs: clock.nowMs() + BOOT_TOKEN_LIFETIME_MS };
      const server = next?.address ?? index.subnets[0]?.subnet.serverAddress ?? '127.0.0.1';
      const { agentCommandLine, agentCommandLine6, arm64 } = index.model.files;
      const asker = { host, strangers, processor, isWithoutAgent: processor === 'arm64' && arm64 === undefined };
      const intent = chooseIntent(asker);
      const text = (isGrub ? composeGrubScript : composeIpxeScript)({
        ...asker,
        mac,
        platform,
        baseUrl: `http://${urlHost(server)}:${httpPort()}`,
        token: encodeBootToken(claims, index.secret),
        agentCommandLine: (clientAddress.includes(':') ? agentCommandLine6 : undefined) ?? agentCommandLine,
      });
      return { text, kind: intent.kind, reason: intent.reason, host };
    },
  };
}
