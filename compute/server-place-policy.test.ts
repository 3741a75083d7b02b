import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseHosts, explainPlacement, type PlaceHost, type PlaceRequest } from './server-place-policy.ts';

const host = (name: string, more: Partial<PlaceHost> = {}): PlaceHost => ({
  uuid: name,
  host: name,
  name: `machine-${name}`,
  zone: 'nova',
  disabled: false,
  up: true,
  freeLinks: 2,
  architecture: 'x86_64',
  capabilities: { boot_mode: 'uefi' },
  ...more,
});
const anything: PlaceRequest = {
  zone: undefined,
  host: undefined,
  ports: 0,
  architecture: undefined,
  capabilities: {},
  onlyOn: undefined,
  notOn: new Set(),
  tried: new Set(),
};

const rows: readonly (readonly [title: string, a: Partial<PlaceHost>, request: Partial<PlaceRequest>, filter: string | undefined])[] = [
  ['a plain request', {}, {}, undefined],
  ['tried already', {}, { tried: new Set(['a']) }, 'RetryFilter'],
  ['closed', { disabled: true }, {}, 'ComputeFilter'],
  ['in maintenance', { up: false }, {}, 'ComputeFilter'],
  ['another zone', {}, { zone: 'east' }, 'AvailabilityZoneFilter'],
  ['asked for by name', {}, { host: 'machine-a' }, undefined],
  ['another one asked for', {}, { host: 'b' }, 'RequestedDestination'],
  ['another architecture', {}, { architecture: 'aarch64' }, 'ImagePropertiesFilter'],
  ['an architecture that nobody knows', { architecture: undefined }, { architecture: 'aarch64' }, undefined],
  ['another boot mode', {}, { capabilities: { boot_mode: 'bios' } }, 'ComputeCapabilitiesFilter'],
  ['more ports than links', {}, { ports: 3 }, 'NetworkLinkFilter'],
  ['links that are nobody’s', { freeLinks: undefined }, { ports: 3 }, undefined],
  ['not beside another', {}, { notOn: new Set(['a']) }, 'DifferentHostFilter'],
  ['only beside another', {}, { onlyOn: new Set(['b']) }, 'SameHostFilter'],
];
for (const [title, a, request, filter] of rows)
  test(`${title}: ${filter ?? 'fits'}`, () =>
    assert.deepEqual(
      chooseHosts([host('a', a)], { ...anything, ...request }).removed,
      filter === undefined ? [] : [{ filter, hosts: ['a'] }],
    ));

test('the explanation names who was removed by what, and counts the many', () => {
  const offered = Array.from({ length: 7 }, (_each, at) => host(`h${at}`, { disabled: at > 0, zone: 'west' }));
  const placement = chooseHosts(offered, { ...anything, zone: 'east' });
  assert.equal(
    explainPlacement(placement, 7, { unsuffixed: { 'resource class': 2, 'fits by itself': 7 } }),
    'Placement offered 7 (2 resource class, 7 fits by itself). ComputeFilter removed h1, h2, h3, h4, h5 and 1 more. AvailabilityZoneFilter removed h0.',
  );
});
