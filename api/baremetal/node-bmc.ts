import type { BmcConnection } from '../../bmc/capability.ts';
import type { JsonObject } from '../../core/base/json.ts';
import { connectTo } from '../../flows/node-flow-services.ts';
import { checkDriverInfo } from '../../inventory/driver-info-codec.ts';
import { unsupported } from '../../inventory/driver-table.ts';
import { isFake } from '../../inventory/fake-hardware.ts';
import type { NodeRecord } from '../../inventory/node-record.ts';
import { mustFindNode } from './api-context.ts';
import { RequestRefused } from './baremetal-error.ts';
import type { Call } from './baremetal-route.ts';
import { nodeFor } from './node-access.ts';

/** A BMC that does not answer by then is told to the client, who waits on the same line. */
const BMC_CALL_MS = 30_000;

type Work<Value> = (bmc: BmcConnection, signal: AbortSignal, node: NodeRecord) => Promise<Value>;

/** @throws RequestRefused 400 when driver_info lacks something; BmcError from the work. */
export async function withBmc<Value>(call: Call, rule: string, work: Work<Value>, limitMs = BMC_CALL_MS): Promise<Value> {
  const shown = await nodeFor(call, call.params['node']!, rule);
  const { context } = call;
  const node = await mustFindNode(context, shown.uuid);
  const problems = checkDriverInfo(node.driver, node.driver_info as JsonObject);
  if (problems.length > 0) throw new RequestRefused(400, problems.join('; '));
  const bmc = connectTo({ db: context.database.db, sealer: context.sealer, connectBmc: context.connectBmc }, node);
  try {
    return await work(bmc, AbortSignal.timeout(limitMs), node);
  } finally {
    await bmc.close();
  }
}

/** The same for what fake hardware does not have: refused in Ironic's words. */
export const withRealBmc = <Value>(call: Call, rule: string, what: string, work: Work<Value>, limitMs?: number): Promise<Value> =>
  withBmc(
    call,
    rule,
    (bmc, signal, node) => {
      if (isFake(node)) throw new RequestRefused(400, unsupported(node.driver, what));
      return work(bmc, signal, node);
    },
    limitMs,
  );
