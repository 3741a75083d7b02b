import { badRequest } from './network-error.ts';
import { addSubPorts, removeSubPorts, subPorts, type SubPort } from './noun/trunk-noun.ts';
import { listOf, record, uuid } from './mechanism/attribute-types.ts';
import { InvalidValue, type AttributeType, type Row, type Work } from './resource.ts';

/** Ports that are put on a trunk and taken off. The trunk's row is locked by the caller. */
const leaving = listOf(
  record({ port_id: uuid, 'segmentation_type?': { kind: 'text', read: String }, 'segmentation_id?': { kind: 'integer', read: Number } }),
);

function read(type: AttributeType, body: unknown): unknown {
  const given = (body as { sub_ports?: unknown } | undefined)?.sub_ports;
  if (given === undefined) throw badRequest('Invalid sub_ports: the list is missing');
  try {
    return type.read(given);
  } catch (error) {
    if (error instanceof InvalidValue) throw badRequest(`Invalid input for sub_ports. Reason: ${error.message}.`);
    throw error;
  }
}

export const plugSubPorts = (work: Work, trunk: Row, body: unknown): Promise<void> =>
  addSubPorts(work, trunk, read(subPorts, body) as SubPort[]);
export const unplugSubPorts = (work: Work, trunk: Row, body: unknown): Promise<void> =>
  removeSubPorts(work, trunk, read(leaving, body) as { port_id: string }[]);
