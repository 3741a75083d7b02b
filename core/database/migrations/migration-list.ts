import type { Migration } from 'kysely/migration';
import * as flow from './0001-flow.ts';
import * as inventory from './0002-inventory.ts';
import * as identity from './0003-identity.ts';
import * as baremetal from './0004-baremetal.ts';
import * as leaseTime from './0005-lease-time.ts';
import * as placement from './0006-placement.ts';
import * as images from './0007-images.ts';
import * as network from './0008-network.ts';
import * as commissioning from './0010-commissioning.ts';
import * as objects from './0020-objects.ts';
import * as compute from './0021-compute.ts';
import * as placementOfNodes from './0023-placement-of-nodes.ts';
import * as bootAddresses from './0024-boot-addresses.ts';
import * as switches from './0030-switches.ts';
import * as imageRenditions from './0050-image-renditions.ts';
import * as powerSource from './0070-power-source.ts';
import * as networkAgents from './0071-network-agents.ts';
import * as metadataPorts from './0072-metadata-ports.ts';
import * as bootServers from './0078-boot-servers.ts';
import * as trapEnrolments from './0083-trap-enrolments.ts';
import * as portGroupWishes from './0085-port-group-wishes.ts';
import * as inspectedLinks from './0091-inspected-links.ts';

/** In order, each once applied never edited. A list and not a folder scan, so that it bundles into one file. */
export const migrations: Record<string, Migration> = {
  '0001-flow': flow,
  '0002-inventory': inventory,
  '0003-identity': identity,
  '0004-baremetal': baremetal,
  '0005-lease-time': leaseTime,
  '0006-placement': placement,
  '0007-images': images,
  '0008-network': network,
  '0010-commissioning': commissioning,
  '0020-objects': objects,
  '0021-compute': compute,
  '0023-placement-of-nodes': placementOfNodes,
  '0024-boot-addresses': bootAddresses,
  '0030-switches': switches,
  '0050-image-renditions': imageRenditions,
  '0070-power-source': powerSource,
  '0071-network-agents': networkAgents,
  '0072-metadata-ports': metadataPorts,
  '0078-boot-servers': bootServers,
  '0083-trap-enrolments': trapEnrolments,
  '0085-port-group-wishes': portGroupWishes,
  '0091-inspected-links': inspectedLinks,
};
