import type { Clock } from '../../core/base/clock.ts';
import { encodeBootToken, BOOT_TOKEN_LIFETIME_MS } from '../../core/base/boot-token-codec.ts';
import { ipv4ToNumber } from '../../core/base/ipv4-address.ts';
import type { MacAddress } from '../../core/base/mac-address.ts';
import type { LeaseTable } from '../lease/lease-table.ts';
import { chooseIntent, composeIpxeScript } from '../script/ipxe-script-policy.ts';
import { type ModelIndex, subnetOfAddress } from './model-index.ts';

/** iPXE binaries that firmware may load without a token: it has none yet. */
export const IPXE_BINARIES: ReadonlySet<string> = new Set(['undionly.kpxe', 'snponly.efi', 'ipxe.efi']);

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
  script(mac: MacAddress, clientAddress: string, platform: string | undefined): { text: string; kind: string; reason: string };
}

export interface DirectoryOptions {
  readonly currentIndex: () => ModelIndex;
  readonly leases: LeaseTable;
  readonly clock: Clock;
  readonly httpPort: () => number;
}

export function createBootDirectory({ currentIndex, leases, clock, httpPort }: DirectoryOptions): BootDirectory {
  return {
    identify(ipAddress) {
      const index = currentIndex();
      const lease = leases.clientAt(ipAddress, clock.nowMs());
      const number = ipv4ToNumber(ipAddress);
      const host =
        (lease && index.hostByMac.get(lease.mac)) ?? (number === undefined ? undefined : index.hostByReservedAddress.get(number));
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
    script(mac, clientAddress, platform) {
      const index = currentIndex();
      const subnet = subnetOfAddress(index, ipv4ToNumber(clientAddress) ?? 0);
      const host = index.hostByMac.get(mac);
      const discovery = subnet ? subnet.discoveryPool !== undefined : index.subnets.some((s) => s.discoveryPool !== undefined);
      const claims = { mac, ...(host ? { nodeId: host.nodeId } : {}), expiresAtMs: clock.nowMs() + BOOT_TOKEN_LIFETIME_MS };
      const server = (subnet ?? index.subnets[0])?.subnet.serverAddress ?? '127.0.0.1';
      const intent = chooseIntent(host, discovery);
      const text = composeIpxeScript({
        mac,
        host,
        discovery,
        platform,
        baseUrl: `http://${server}:${httpPort()}`,
        token: encodeBootToken(claims, index.secret),
        agentCommandLine: index.model.files.agentCommandLine,
      });
      return { text, kind: intent.kind, reason: intent.reason };
    },
  };
}
