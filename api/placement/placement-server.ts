import { PlacementError } from '../../compute/placement-error.ts';
import { Refusal, type Service, type ToldRefusal } from '../service-plugin.ts';
import { allocationRoutes } from './allocation-routes.ts';
import { candidateRoutes } from './candidate-routes.ts';
import { inventoryRoutes } from './inventory-routes.ts';
import { providerNameRoutes, resourceClassRoutes, traitRoutes } from './name-routes.ts';
import { answerJson } from './placement-body.ts';
import type { PlacementContext, PlacementRoute } from './placement-context.ts';
import { MINOR_MAX, negotiatePlacement, versionText } from './placement-version.ts';
import { providerRoutes } from './provider-routes.ts';
import { usageRoutes } from './usage-routes.ts';

const versionRoute: PlacementRoute = {
  method: 'GET',
  path: '/',
  open: true,
  async handle(call) {
    const version = {
      id: 'v1.0',
      max_version: versionText(MINOR_MAX),
      min_version: versionText(0),
      status: 'CURRENT',
      links: [{ rel: 'self', href: '' }],
    };
    return answerJson(call, { versions: [version] });
  },
};

/** Reshaping a rack of 10,000 providers stays below. */
const BODY_BYTES_MAX = 32 * 2 ** 20;

/** Placement 1.0–1.39 (docs.openstack.org/api-ref/placement). */
export const placementService: Service<PlacementContext> = {
  type: 'placement',
  name: 'placement',
  title: 'Placement 1.x',
  prefix: '/placement',
  atRootToo: true,
  textBodies: true,
  bodyBytesMax: BODY_BYTES_MAX,
  routes: [
    versionRoute,
    ...providerRoutes,
    ...inventoryRoutes,
    ...providerNameRoutes,
    ...resourceClassRoutes,
    ...traitRoutes,
    ...allocationRoutes,
    ...usageRoutes,
    ...candidateRoutes,
  ],
  negotiate: negotiatePlacement,
  errorBody,
  explain: (error) => (error instanceof PlacementError ? new Refusal(error.status, error.message, { type: error.code }) : undefined),
};

const CODES_SINCE = '1.23';

function errorBody({ status, title, message, type, requestId, request }: ToldRefusal): { body: unknown; contentType?: string } {
  const { accept = '' } = request.headers;
  if (/text\/html/.test(accept) && !/json|\*\/\*/.test(accept))
    return {
      contentType: 'text/html; charset=UTF-8',
      body: `<html><head><title>${status} ${title}</title></head><body><h1>${status} ${title}</h1>${escapeHtml(message)}</body></html>`,
    };
  const version = /placement\s+(latest|1\.(\d+))/.exec(String(request.headers['openstack-api-version'] ?? ''));
  const hasCodes = version !== null && (version[1] === 'latest' || Number(version[2]) >= Number(CODES_SINCE.slice(2)));
  const error = {
    status,
    title,
    detail: message,
    request_id: requestId,
    ...(hasCodes ? { code: type ?? 'placement.undefined_code' } : {}),
    ...(status === 406 ? { max_version: versionText(MINOR_MAX), min_version: versionText(0) } : {}),
  };
  return { contentType: 'application/json', body: { errors: [error] } };
}

const escapeHtml = (text: string) => text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign]!);
