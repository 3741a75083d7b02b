import type { FlowSummary } from '../../core/flow/flow-service.ts';
import type { NodeRecord } from '../../inventory/node-record.ts';

/** A node as the Bare Metal API shows it. `waiting_for` is ours: what the node waits for, since when, until when, what is next. */
export function viewNode(node: NodeRecord, flow: FlowSummary | undefined, base: string) {
  return {
    uuid: node.uuid,
    name: node.name,
    driver: node.driver,
    power_state: node.power_state,
    target_power_state: node.target_power_state,
    provision_state: node.provision_state,
    target_provision_state: node.target_provision_state,
    provision_updated_at: iso(node.provision_updated_at),
    maintenance: node.maintenance,
    maintenance_reason: node.maintenance_reason,
    fault: node.fault,
    last_error: node.last_error,
    reservation: flow === undefined ? null : flow.kind,
    waiting_for: flow?.waitingFor ?? null,
    driver_info: node.driver_info,
    driver_internal_info: {},
    properties: node.properties,
    instance_info: { ...node.instance_info, ...(node.configdrive === null ? {} : { configdrive: '******' }) },
    instance_uuid: node.instance_uuid,
    extra: node.extra,
    resource_class: node.resource_class,
    description: node.description,
    owner: node.owner,
    created_at: iso(node.created_at),
    updated_at: iso(node.updated_at),
    links: links(base, `nodes/${node.uuid}`),
    ports: links(base, `nodes/${node.uuid}/ports`),
    states: links(base, `nodes/${node.uuid}/states`),
  };
}

/** The short form of `GET /v1/nodes`. */
export const viewNodeShort = (view: ReturnType<typeof viewNode>) => ({
  uuid: view.uuid,
  name: view.name,
  instance_uuid: view.instance_uuid,
  power_state: view.power_state,
  provision_state: view.provision_state,
  maintenance: view.maintenance,
  links: view.links,
});

export const iso = (at: Date | null): string | null => (at === null ? null : at.toISOString().replace(/\.\d+Z$/, '+00:00'));

export const links = (base: string, path: string) => [
  { href: `${base}/v1/${path}`, rel: 'self' },
  { href: `${base}/${path}`, rel: 'bookmark' },
];
