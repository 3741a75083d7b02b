import type { Clock } from '../../core/base/clock.ts';
import type { Logger } from '../../core/base/logger.ts';
import type { Random } from '../../core/base/random.ts';
import type { BmcAddress, BmcConnection } from '../capability.ts';
import { createGate } from '../../core/base/gate.ts';
import { credentialKey, type LockoutGuard } from '../shared/lockout-guard.ts';
import { createIpmiConnection } from './ipmi-connection.ts';
import { createIpmiEndpoint, type IpmiEndpoint } from './ipmi-endpoint.ts';
import { createIpmiTransport, type TransportCounters } from './ipmi-transport.ts';

/** All IPMI BMCs of this process: one socket, one endpoint per BMC and credentials, idle sessions closed. */
export interface IpmiProvider {
  connect(address: BmcAddress): BmcConnection;
  readonly counters: TransportCounters;
  close(): Promise<void>;
}

/** BMCs that get more handshakes at once than this lose packets on the way to them (measured with 200). */
export const HANDSHAKES_IN_FLIGHT_MAX = 64;
/** BMCs end a session after 60 s without a packet; ours end before, in good order, and free the slot. */
export const SESSION_IDLE_MS = 45_000;
const SWEEP_MS = 5_000;

export function createIpmiProvider(deps: { clock: Clock; random: Random; logger: Logger; guard: LockoutGuard }): IpmiProvider {
  const transport = createIpmiTransport(deps.logger);
  const shared = { ...deps, transport, handshakes: createGate(HANDSHAKES_IN_FLIGHT_MAX), suites: new Map(), memories: new Map() };
  const endpoints = new Map<string, { endpoint: IpmiEndpoint; holders: number }>();
  const sweep = setInterval(() => {
    for (const { endpoint } of endpoints.values()) endpoint.closeIfIdle(SESSION_IDLE_MS);
  }, SWEEP_MS);
  sweep.unref();

  return {
    counters: transport.counters,
    connect(address) {
      const key = `${credentialKey(address)} ${address.cipherSuite ?? ''}`;
      const entry = endpoints.get(key) ?? { endpoint: createIpmiEndpoint(address, shared), holders: 0 };
      endpoints.set(key, entry);
      entry.holders += 1;
      let released = false;
      return createIpmiConnection(address, entry.endpoint, deps.clock, async () => {
        if (released) return;
        released = true;
        entry.holders -= 1;
        if (entry.holders > 0) return;
        endpoints.delete(key);
        await entry.endpoint.close();
      });
    },
    async close() {
      clearInterval(sweep);
      await Promise.all([...endpoints.values()].map(({ endpoint }) => endpoint.close()));
      endpoints.clear();
      await transport.close();
    },
  };
}
