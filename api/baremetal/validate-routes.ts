import type { JsonObject } from '../../core/base/json.ts';
import { planImage } from '../../flows/image-plan-policy.ts';
import { planNetworkBoot } from '../../flows/instance-boot.ts';
import type { NetworkBootPlan } from '../../flows/network-boot-policy.ts';
import { checkDriverInfo } from '../../inventory/driver-info-codec.ts';
import { INTERFACE_KINDS, interfaceOf, unsupported } from '../../inventory/driver-table.ts';
import { isFake } from '../../inventory/fake-hardware.ts';
import type { NodeDetail } from '../../inventory/node-detail-store.ts';
import { RequestRefused } from './baremetal-error.ts';
import { notAcceptable, ok, type BaremetalRoute, type Call } from './baremetal-route.ts';
import { nodeFor } from './node-access.ts';
import { isUuidLike, toUuid } from './query-values.ts';

/** `GET /v1/nodes/validate`: can each interface of the node do its work, and if not, why. */
async function validate(call: Call) {
  const word = toUuid('node_uuid', call.query['node_uuid']) ?? call.query['node'] ?? call.params['node'];
  if (word === undefined) throw new RequestRefused(400, 'Missing mandatory parameter: node');
  if (call.minor < 5 && !isUuidLike(word)) throw new RequestRefused(406, notAcceptable(5));
  const node = await nodeFor(call, word, 'node:validate');
  const network = isFake(node)
    ? undefined
    : await planNetworkBoot(call.context.database.db, { ...node, hasConfigDrive: node.has_configdrive });
  return ok(
    Object.fromEntries(
      INTERFACE_KINDS.filter((kind) => kind !== 'vendor' && (kind !== 'firmware' || call.minor >= 86)).map((kind) => {
        const problem = problemOf(node, kind, network);
        return [kind, problem === undefined ? { result: true } : { result: false, reason: problem }];
      }),
    ),
  );
}

function problemOf(node: NodeDetail, kind: (typeof INTERFACE_KINDS)[number], network: NetworkBootPlan | undefined): string | undefined {
  const name = interfaceOf(node, kind);
  if (name.startsWith('no-')) return unsupported(node.driver, kind);
  if (kind === 'power' || kind === 'management' || name.startsWith('redfish')) {
    const problems = checkDriverInfo(node.driver, node.driver_info as JsonObject);
    return problems.length === 0 ? undefined : problems.join('; ');
  }
  if (network !== undefined && (kind === 'deploy' || kind === 'storage')) return 'problem' in network ? network.problem : undefined;
  if (kind === 'deploy' && !isFake(node)) {
    const image = planImage(node.instance_info as JsonObject);
    return 'problem' in image ? image.problem : undefined;
  }
  return undefined;
}

export const validateRoutes: readonly BaremetalRoute[] = [
  { method: 'GET', path: '/nodes/validate', query: ['node', 'node_uuid'], handle: validate },
  { method: 'GET', path: '/nodes/:node/validate', handle: validate },
];
