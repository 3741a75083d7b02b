/** `local_link_connection` of a port; operators may write other keys as well. */
export interface PortLink {
  readonly switch_id?: string;
  readonly port_id?: string;
  readonly switch_info?: string;
}

/** In the timeline, where `explain` finds it. */
export const LINK_HELD_EVENT = 'agent.link-held';

/** MACs are written in more than one way. */
const sameSwitch = (one: string, other: string) => {
  const plain = (id: string) => id.toLowerCase().replaceAll(/[-.:]/g, '');
  return plain(one) === plain(other);
};
const named = ({ switch_id: id, port_id: port, switch_info: name }: PortLink) =>
  `${port} of ${name === undefined ? id : `${name} (${id})`}`;

/** What LLDP tells other than an operator wrote: one sentence, or none when they agree or one of them does not say. */
export function describeHeldLink(mac: string, portUuid: string, recorded: PortLink, told: PortLink): string[] {
  if (recorded.switch_id === undefined || recorded.port_id === undefined) return [];
  if (told.switch_id === undefined || told.port_id === undefined) return [];
  if (sameSwitch(recorded.switch_id, told.switch_id) && recorded.port_id === told.port_id) return [];
  return [
    `LLDP tells that ${mac} is in ${named(told)}; ${named(recorded)}, which an operator wrote into local_link_connection of port ${portUuid}, stays recorded`,
  ];
}
