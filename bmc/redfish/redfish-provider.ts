import type { Clock } from '../../core/base/clock.ts';
import type { WebSource } from '../../core/transfer/web-source.ts';
import type { BmcAddress, BmcConnection } from '../capability.ts';
import { credentialKey, type LockoutGuard } from '../shared/lockout-guard.ts';
import { createRedfishConnection } from './redfish-connection.ts';
import { createRedfishHttp, type RedfishHttp } from './redfish-http.ts';

/** All Redfish services of this process: one login per BMC and credentials. */
export interface RedfishProvider {
  connect(address: BmcAddress): BmcConnection;
  close(): Promise<void>;
}

export function createRedfishProvider(deps: { clock: Clock; guard: LockoutGuard; web: WebSource }): RedfishProvider {
  const services = new Map<string, { http: RedfishHttp; holders: number }>();
  return {
    connect(address) {
      const key = `${credentialKey(address)} ${address.scheme ?? ''} ${address.trust ?? ''}`;
      const entry = services.get(key) ?? { http: createRedfishHttp(address, deps), holders: 0 };
      services.set(key, entry);
      entry.holders += 1;
      let released = false;
      const release = async () => {
        if (released) return;
        released = true;
        entry.holders -= 1;
        if (entry.holders > 0) return;
        services.delete(key);
        await entry.http.close();
      };
      return createRedfishConnection(address, entry.http, { release, web: deps.web });
    },
    async close() {
      await Promise.all([...services.values()].map(({ http }) => http.close()));
      services.clear();
    },
  };
}
