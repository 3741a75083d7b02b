/** Where a machine's NIC is plugged in: as LLDP told at the last inspection, and as the records of the network say. */
export interface Wiring {
  readonly node: string;
  readonly portUuid: string;
  readonly mac: string;
  readonly inspectedAt: Date;
  readonly told: SwitchPort;
  readonly recorded: Partial<SwitchPort>;
}
export interface SwitchPort {
  readonly switchId: string;
  readonly portId: string;
  readonly switchName: string | null;
}

const nameOf = ({ switchId, portId, switchName }: SwitchPort) =>
  `${portId} of ${switchName === null ? switchId : `${switchName} (${switchId})`}`;
/** MACs are written in more than one way. */
const idOf = (switchId: string) => switchId.toLowerCase().replaceAll(/[-.]/g, ':');

/** What is wrong, with both values and what to do; undefined: nothing, or one of them is not known. */
export function describeWiring({ node, portUuid, mac, inspectedAt, told, recorded }: Wiring): string | undefined {
  const { switchId, portId, switchName = null } = recorded;
  if (switchId === undefined || portId === undefined) return undefined;
  const isOtherSwitch = idOf(switchId) !== idOf(told.switchId);
  if (!isOtherSwitch && portId === told.portId) return undefined;
  const advice = isOtherSwitch
    ? `put the cable back into that switch, or correct local_link_connection of port ${portUuid}`
    : `put the cable back into that port, or correct local_link_connection/port_id of port ${portUuid}`;
  return (
    `${mac} of ${node} is recorded at ${nameOf({ switchId, portId, switchName })}; LLDP told ${nameOf(told)} ` +
    `at the inspection of ${inspectedAt.toISOString()}: ${advice}; if the cable was moved since, inspect the machine again`
  );
}
