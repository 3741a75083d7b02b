import type { FastifyReply, FastifyRequest } from 'fastify';
import { sentences } from '../../core/base/sentences.ts';
import { ZodError } from 'zod';
import { BmcError } from '../../bmc/capability.ts';
import { explainOutage } from '../../core/database/outage-policy.ts';
import { InventoryError } from '../../inventory/node-record.ts';

/** A refusal by the API itself: bad JSON patch, unknown field, missing right. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  readonly status: number;
  /** What the policy wanted; for administrators only. */
  readonly wanted: string | undefined;
  constructor(status: number, message: string, wanted?: string) {
    super(message);
    this.status = status;
    this.wanted = wanted;
  }
}

/** Ironic's error body: a JSON string inside JSON, which its clients unpack. */
export const errorBody = (status: number, message: string) => ({
  error_message: JSON.stringify({ faultcode: status < 500 ? 'Client' : 'Server', faultstring: message, debuginfo: null }),
});

/** Turns every known refusal into its status; what is left is a bug, logged whole and told as 500 without its inside. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, message } = classify(error);
  if (status >= 500) request.log.error({ err: error }, 'request failed');
  if (error instanceof RequestRefused && error.wanted !== undefined) reply.header('x-rackwright-policy', error.wanted);
  return reply.status(status).send(errorBody(status, message));
}

interface Refusal {
  readonly status: number;
  readonly message: string;
}

function classify(error: unknown): Refusal {
  if (error instanceof InventoryError || error instanceof RequestRefused) return { status: error.status, message: error.message };
  if (error instanceof ZodError) {
    return { status: 400, message: error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; ') };
  }
  if (error instanceof BmcError) return { status: error.retryable ? 503 : 400, message: sentences(error.message, error.advice) };
  const outage = explainOutage(error);
  if (outage !== undefined) return { status: 503, message: outage };
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  if (typeof code === 'string' && /^\d{2}[0-9A-Z]{3}$/.test(code)) return classifySqlState(error as DatabaseRefusal);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return { status: statusCode, message: message ?? 'bad request' };
  return INTERNAL;
}

const INTERNAL: Refusal = { status: 500, message: 'Internal error; the server log has the cause under this request id.' };

interface DatabaseRefusal {
  readonly code: string;
  readonly constraint?: string;
  readonly detail?: string;
  readonly message: string;
}

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';
/** SQLSTATE class 22: a value that no column of that type can hold, such as U+0000 or a lone surrogate. */
const DATA_EXCEPTION = '22';

function classifySqlState({ code, constraint = '', detail = '' }: DatabaseRefusal): Refusal {
  const value = /\)=\(([\s\S]*)\) (already exists|is)/.exec(detail)?.[1] ?? '';
  if (code === UNIQUE_VIOLATION) return { status: 409, message: DUPLICATES[constraint]?.(value) ?? 'Resource already exists.' };
  if (code === FOREIGN_KEY_VIOLATION && constraint in IN_USE) return { status: 400, message: IN_USE[constraint]!(value) };
  if (constraint === 'placement_allocation_provider' || constraint === 'placement_allocation_inventory')
    return { status: 409, message: HELD };
  if (code.startsWith(DATA_EXCEPTION)) return { status: 400, message: 'A value has characters or a size that can not be stored.' };
  return INTERNAL;
}

const HELD = 'The node holds an allocation of placement: delete that consumer first.';

/** Constraint → Ironic's words for it, with the value that is there already. */
const DUPLICATES: Readonly<Record<string, (value: string) => string>> = {
  node_pkey: (uuid) => `A node with UUID ${uuid} already exists.`,
  node_name_key: (name) => `A node with name ${name} already exists.`,
  node_instance_uuid_key: (instance) =>
    `Instance ${instance} is already associated with a node, it cannot be associated with this other node.`,
  port_pkey: (uuid) => `A port with UUID ${uuid} already exists.`,
  port_address_key: (mac) => `A port with MAC address ${mac} already exists.`,
  port_name_key: (name) => `A port with name ${name} already exists.`,
  portgroup_pkey: (uuid) => `A portgroup with UUID ${uuid} already exists.`,
  portgroup_name_key: (name) => `A portgroup with name ${name} already exists.`,
  portgroup_address_key: (mac) => `A portgroup with MAC address ${mac} already exists.`,
  chassis_pkey: (uuid) => `A chassis with UUID ${uuid} already exists.`,
  allocation_pkey: (uuid) => `An allocation with UUID ${uuid} already exists.`,
  allocation_name_key: (name) => `An allocation with name ${name} already exists.`,
  deploy_template_pkey: (uuid) => `A deploy template with UUID ${uuid} already exists.`,
  deploy_template_name_key: (name) => `A deploy template with name ${name} already exists.`,
  runbook_pkey: (uuid) => `A runbook with UUID ${uuid} already exists.`,
  runbook_name_key: (name) => `A runbook with name ${name} already exists.`,
  volume_connector_pkey: (uuid) => `A volume connector with UUID ${uuid} already exists.`,
  volume_connector_type_and_id: (value) => `A volume connector with type and connector ID ${value} already exists.`,
  volume_target_pkey: (uuid) => `A volume target with UUID ${uuid} already exists.`,
  volume_target_boot_index: (value) => `A volume target with boot index '${value.split(', ').at(-1)}' for the same node already exists.`,
  pool_name_key: (name) => `A pool with name ${name} already exists.`,
  zone_name_key: (name) => `A zone with name ${name} already exists.`,
  machine_tag_name_key: (name) => `A tag with name ${name} already exists.`,
  inspection_rule_pkey: (uuid) => `An inspection rule with UUID ${uuid} already exists.`,
};

/** Foreign key → why its target can not go. */
const IN_USE: Readonly<Record<string, (value: string) => string>> = {
  node_chassis_uuid_fkey: (uuid) => `Cannot complete the requested action because chassis ${uuid} contains nodes.`,
  port_portgroup_uuid_fkey: (uuid) => `Cannot complete the requested action because portgroup ${uuid} contains ports.`,
  node_pool_uuid_fkey: (uuid) => `Pool ${uuid} can not be removed: nodes are in it.`,
  node_zone_uuid_fkey: (uuid) => `Zone ${uuid} can not be removed: nodes are in it.`,
  allocation_pool_uuid_fkey: (uuid) => `Pool ${uuid} can not be removed: an allocation names it.`,
  allocation_zone_uuid_fkey: (uuid) => `Zone ${uuid} can not be removed: an allocation names it.`,
  node_parent_node_fkey: (uuid) => `Cannot complete the requested action because node ${uuid} has child nodes.`,
};
