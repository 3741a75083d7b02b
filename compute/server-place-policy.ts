/*
 * Which of the hosts that Placement offers a server may go to, and which filter took whom away. The order of filters is the order in which
 * they are told.
 */
export interface PlaceHost {
  readonly uuid: string;
  readonly host: string;
  readonly name: string | null;
  readonly zone: string;
  readonly disabled: boolean;
  readonly up: boolean;
  /** Links without a virtual port; undefined: virtual ports are not attached to links there. */
  readonly freeLinks: number | undefined;
  readonly architecture: string | undefined;
  /** `capabilities` of the machine, by name. */
  readonly capabilities: Readonly<Record<string, string>>;
}

export interface PlaceRequest {
  readonly zone: string | undefined;
  /** By name or UUID, as an administrator asks for it. */
  readonly host: string | undefined;
  readonly ports: number;
  readonly architecture: string | undefined;
  readonly capabilities: Readonly<Record<string, string>>;
  /** Hosts of the servers that hints and groups name. */
  readonly onlyOn: ReadonlySet<string> | undefined;
  readonly notOn: ReadonlySet<string>;
  /** Where it was tried already. */
  readonly tried: ReadonlySet<string>;
}

type Filter = readonly [name: string, passes: (host: PlaceHost, request: PlaceRequest) => boolean];

const FILTERS: readonly Filter[] = [
  ['RetryFilter', (host, { tried }) => !tried.has(host.host)],
  ['ComputeFilter', (host) => host.up && !host.disabled],
  ['AvailabilityZoneFilter', (host, { zone }) => zone === undefined || host.zone === zone],
  ['RequestedDestination', (host, { host: wanted }) => wanted === undefined || wanted === host.host || wanted === host.name],
  [
    'ImagePropertiesFilter',
    (host, { architecture }) => architecture === undefined || host.architecture === undefined || host.architecture === architecture,
  ],
  [
    'ComputeCapabilitiesFilter',
    (host, { capabilities }) => Object.entries(capabilities).every(([name, value]) => host.capabilities[name] === value),
  ],
  ['NetworkLinkFilter', (host, { ports }) => host.freeLinks === undefined || host.freeLinks >= ports],
  ['DifferentHostFilter', (host, { notOn }) => !notOn.has(host.host)],
  ['SameHostFilter', (host, { onlyOn }) => onlyOn === undefined || onlyOn.has(host.host)],
];

export interface Placement {
  readonly hosts: readonly PlaceHost[];
  readonly removed: readonly { readonly filter: string; readonly hosts: readonly string[] }[];
}

export function chooseHosts(offered: readonly PlaceHost[], request: PlaceRequest): Placement {
  let hosts = offered;
  const removed = [];
  for (const [filter, passes] of FILTERS) {
    const gone = hosts.filter((host) => !passes(host, request));
    if (gone.length > 0) removed.push({ filter, hosts: gone.map(({ host }) => host) });
    hosts = hosts.filter((host) => passes(host, request));
  }
  return { hosts, removed };
}

/** How many of the hosts that a filter took away are named; the rest are counted. */
const NAMED_MAX = 5;

/** Told to administrators beside "No valid host was found". */
export function explainPlacement(
  placement: Placement,
  offeredByPlacement: number,
  byPlacement: Readonly<Record<string, Readonly<Record<string, number>>>>,
): string {
  const counted = Object.entries(byPlacement).map(
    ([group, counts]) =>
      `${group === 'unsuffixed' ? '' : `group ${group}: `}${Object.entries(counts)
        .map(([why, count]) => `${count} ${why}`)
        .join(', ')}`,
  );
  const named = (hosts: readonly string[]) =>
    `${hosts.slice(0, NAMED_MAX).join(', ')}${hosts.length > NAMED_MAX ? ` and ${hosts.length - NAMED_MAX} more` : ''}`;
  return [
    `Placement offered ${offeredByPlacement} (${counted.join('; ') || 'it knows no providers'}).`,
    ...placement.removed.map(({ filter, hosts }) => `${filter} removed ${named(hosts)}.`),
    ...(placement.hosts.length > 0 ? [`${named(placement.hosts.map(({ host }) => host))} went to others meanwhile.`] : []),
  ].join(' ');
}
