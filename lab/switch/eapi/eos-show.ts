import { channelName, isChannel, showAllowed, type LeafConfiguration, type Switchport } from './leaf-configuration.ts';

/** Values of `show` commands of EOS, as eAPI has them in JSON. */
export const vlanName = (vlan: number) => (vlan === 1 ? 'default' : `VLAN${String(vlan).padStart(4, '0')}`);

export const showPort = ({ mode, access, native, allowed }: Switchport) => ({
  enabled: true,
  switchportInfo: {
    mode,
    accessVlanId: access,
    accessVlanName: vlanName(access),
    trunkingNativeVlanId: native,
    trunkingNativeVlanName: vlanName(native),
    trunkAllowedVlans: showAllowed(allowed),
    macLearning: true,
  },
});

export function showChannels({ ports }: LeafConfiguration): object {
  const channels = [...ports.keys()].filter(isChannel).map((name) => {
    const members = [...ports].filter(([, { channel }]) => channel !== undefined && channelName(channel.number) === name);
    const mode = members[0]?.[1].channel?.mode ?? 'on';
    const { fallback } = ports.get(name)!;
    return [
      name,
      {
        protocol: mode === 'on' ? 'static' : 'lacp',
        lacpMode: mode,
        linkState: members.length > 0 ? 'up' : 'down',
        fallback: { config: fallback === undefined ? 'fallbackNone' : `fallback${fallback === 'static' ? 'Static' : 'Individual'}` },
        ports: Object.fromEntries(members.map(([member]) => [member, { intf: member, lagMember: true }])),
      },
    ];
  });
  return { numberOfChannelsInUse: channels.length, numberOfAggregators: channels.length, portChannels: Object.fromEntries(channels) };
}

export const showRunning = ({ vlans, ports }: LeafConfiguration): object => ({
  header: [],
  cmds: Object.fromEntries([
    ...[...vlans].map((vlan) => [`vlan ${vlan}`, null]),
    ...[...ports].map(([name, port]) => [
      `interface ${name}`,
      { comments: [], cmds: Object.fromEntries(linesOf(port).map((line) => [line, null])) },
    ]),
  ]),
});

function linesOf({ mode, access, native, allowed, channel, fallback }: Switchport): string[] {
  const range = showAllowed(allowed);
  return [
    ...(mode === 'trunk' ? ['switchport mode trunk', `switchport trunk native vlan ${native}`] : [`switchport access vlan ${access}`]),
    ...(allowed === 'all' ? [] : [`switchport trunk allowed vlan ${range === 'NONE' ? 'none' : range}`]),
    ...(channel === undefined ? [] : [`channel-group ${channel.number} mode ${channel.mode}`]),
    ...(fallback === undefined ? [] : [`port-channel lacp fallback ${fallback}`]),
  ];
}
