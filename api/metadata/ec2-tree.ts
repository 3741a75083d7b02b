import type { ShownServer } from '../../compute/server-record.ts';
import type { Leaf } from './metadata-tree.ts';

/** Paths as EC2 has them (nova, "Metadata API": EC2-compatible metadata), of an instance of ours. */
export const EC2_VERSIONS = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
  'latest',
];

interface Tree {
  readonly [name: string]: string | Tree;
}

/** EC2's ids have eight hex digits. */
const shortId = (prefix: string, uuid: string) => `${prefix}-${uuid.replaceAll('-', '').slice(0, 8)}`;

/** Everything, by the version that brought it. */
function branches(server: ShownServer): [since: string, tree: Tree][] {
  const fixed = server.addresses.find(({ version }) => version === 4);
  const floating = server.addresses.flatMap((one) => one.floating)[0];
  const { key_name: keyName, public_key: key } = server;
  return [
    [
      '1.0',
      {
        'ami-id': server.image_id === null ? '' : shortId('ami', server.image_id),
        'ami-launch-index': String(server.launch_index),
        'ami-manifest-path': '(unknown)',
        hostname: server.hostname,
        'instance-id': shortId('i', server.uuid),
        'local-ipv4': fixed?.address ?? '',
        'reservation-id': server.reservation_id,
      },
    ],
    ['2007-01-19', { 'local-hostname': server.hostname, 'public-hostname': server.hostname, 'public-ipv4': floating ?? '' }],
    ['2007-03-01', { 'security-groups': server.security_groups.join('\n') }],
    ['2007-08-29', { 'instance-type': server.flavor.name }],
    ['2008-02-01', { placement: { 'availability-zone': server.zone ?? '' } }],
    ['2008-09-01', { 'instance-action': 'none' }],
    ...(keyName === null || key === null
      ? []
      : [['1.0', { 'public-keys': { [`0=${keyName}`]: { 'openssh-key': key } } }] as [string, Tree]]),
  ];
}

/** A directory says so by its slash; a key by its number and name, of which only the number is in its path. */
const listed = (tree: Tree): string[] =>
  Object.entries(tree).map(([name, value]) => (typeof value === 'string' || name.includes('=') ? name : `${name}/`));

const text = (value: string): Leaf => ({ type: 'text/plain', body: Buffer.from(value) });

export function readEc2(path: readonly string[], server: ShownServer, userData: Buffer | undefined): readonly string[] | Leaf | undefined {
  const [version, kind, ...inside] = path;
  if (version === undefined) return EC2_VERSIONS;
  if (!EC2_VERSIONS.includes(version)) return undefined;
  if (kind === undefined) return ['meta-data/', ...(userData === undefined ? [] : ['user-data'])];
  if (kind === 'user-data')
    return userData === undefined || inside.length > 0 ? undefined : { type: 'application/octet-stream', body: userData };
  if (kind !== 'meta-data') return undefined;
  let place: string | Tree | undefined = Object.assign(
    {},
    ...branches(server)
      .filter(([since]) => version === 'latest' || version >= since)
      .map(([, tree]) => tree),
  ) as Tree;
  for (const name of inside) {
    if (typeof place !== 'object') return undefined;
    const found: string | undefined = Object.keys(place).find((one) => one === name || one.startsWith(`${name}=`));
    place = found === undefined ? undefined : place[found];
  }
  if (place === undefined) return undefined;
  return typeof place === 'string' ? text(place) : listed(place);
}
