import { BmcError, type BmcConnection } from '../bmc/capability.ts';
import { BOOT_TOKEN_LIFETIME_MS, encodeBootToken } from '../core/base/boot-token-codec.ts';
import type { JsonObject } from '../core/base/json.ts';
import { agentNetwork } from '../inventory/agent-network-policy.ts';
import { interfaceOf } from '../inventory/driver-table.ts';
import type { NodeRecord } from '../inventory/node-record.ts';
import { firmwareOf } from './boot-instance-step.ts';
import type { NodeFlowServices } from './node-flow-services.ts';

/*
 * How the agent gets onto a machine: by its network boot, or from a virtual CD that the BMC fetches from the boot plane. The CD
 * goes in before the power-on and out again when the agent has called in: it runs in memory.
 */
const bootsByMedia = (node: NodeRecord): boolean => interfaceOf(node, 'boot') === 'redfish-virtual-media';

/** @throws BmcError `refused` when the machine cannot be told apart, or nobody serves the image. */
async function agentMediaUrl(services: NodeFlowServices, node: NodeRecord): Promise<string> {
  const { bootMedia, db, clock } = services;
  if (bootMedia === undefined)
    throw new BmcError(
      'refused',
      `${node.name ?? node.uuid} boots by virtual media, and this installation serves no image for that`,
      'Set boot.virtual_media to true in the configuration, or boot_interface of the node to ipxe.',
    );
  if ((node.properties as JsonObject)['cpu_arch'] === 'aarch64')
    throw new BmcError(
      'refused',
      `${node.name ?? node.uuid} is aarch64, and the boot CD is made for x86-64`,
      'Set boot_interface of the node to ipxe, and arm64: true below boot in the configuration.',
    );
  const network = agentNetwork(node.network_data as JsonObject);
  if ('refused' in network)
    throw new BmcError('refused', network.refused, 'Correct network_data of the node, or remove it where a DHCP server is.');
  const port = await db
    .selectFrom('port')
    .select('address')
    .where('node_uuid', '=', node.uuid)
    .orderBy('pxe_enabled', 'desc')
    .orderBy('address')
    .executeTakeFirst();
  if (port === undefined)
    throw new BmcError('refused', `${node.name ?? node.uuid} has no port`, 'Create a port with the MAC address of its first NIC.');
  const claims = { mac: port.address, nodeId: node.uuid, expiresAtMs: clock.nowMs() + BOOT_TOKEN_LIFETIME_MS };
  return `${bootMedia.baseUrl}/boot/${encodeBootToken(claims, bootMedia.secret)}/agent.iso`;
}

/** The machine is off; its next start is the agent's. */
export async function prepareAgentBoot(
  services: NodeFlowServices,
  node: NodeRecord,
  bmc: BmcConnection,
  signal: AbortSignal,
): Promise<void> {
  if (bootsByMedia(node)) await bmc.insertMedia({ kind: 'cdrom', url: await agentMediaUrl(services, node) }, signal);
  const device = bootsByMedia(node) ? 'cdrom' : 'network';
  await bmc.setBoot({ device, persistent: false, ...firmwareOf(node) }, signal);
}

/** The boot before came to nothing: whether the BMC keeps what it was told is for whoever reads the timeline. */
export async function lookAtBootSetting(bmc: BmcConnection, signal: AbortSignal): Promise<void> {
  await bmc.bootSetting(signal).catch((error: unknown) => {
    if (!(error instanceof BmcError) || signal.aborted) throw error;
  });
}

/** The agent runs, or never will. A CD that stays in does no harm: the boot device was set for one start. */
export async function endAgentBoot(node: NodeRecord, bmc: BmcConnection, signal: AbortSignal): Promise<{ readonly ejectFailed?: string }> {
  if (!bootsByMedia(node)) return {};
  try {
    await bmc.ejectMedia('cdrom', signal);
    return {};
  } catch (error) {
    if (!(error instanceof BmcError)) throw error;
    return { ejectFailed: error.message };
  }
}
