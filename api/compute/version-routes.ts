import { ok } from '../service-plugin.ts';
import type { ComputeCall, ComputeRoute } from './compute-context.ts';
import { MINOR_MAX, MINOR_MIN, versionText } from './compute-version.ts';

/** Version documents, as keystoneauth looks for them. `/v2` is 2.1 without microversions. */
const MEDIA_TYPE = 'application/vnd.openstack.compute+json;version=2.1';

const versions = (call: ComputeCall) => [
  {
    id: 'v2.0',
    status: 'SUPPORTED',
    version: '',
    min_version: '',
    updated: '2011-01-21T11:33:21Z',
    links: [{ rel: 'self', href: `${call.base}/v2/` }],
  },
  {
    id: 'v2.1',
    status: 'CURRENT',
    version: versionText(MINOR_MAX),
    min_version: versionText(MINOR_MIN),
    updated: '2013-07-23T11:33:21Z',
    links: [{ rel: 'self', href: `${call.base}/v2.1/` }],
  },
];

const one = (path: string, id: string): ComputeRoute => ({
  method: 'GET',
  path,
  open: true,
  async handle(call) {
    const version = versions(call).find((each) => each.id === id)!;
    const described = { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' };
    return ok({
      version: { ...version, links: [...version.links, described], 'media-types': [{ base: 'application/json', type: MEDIA_TYPE }] },
    });
  },
});

export const versionRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path: '/', open: true, handle: async (call) => ok({ versions: versions(call) }) },
  ...['/v2.1', '/v2.1/'].map((path) => one(path, 'v2.1')),
  ...['/v2', '/v2/'].map((path) => one(path, 'v2.0')),
];
