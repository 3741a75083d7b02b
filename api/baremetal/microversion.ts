import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errorBody } from './baremetal-error.ts';

/** The negotiation of the microversion (api-ref "Microversions"), for every route of the API. */
export const MICROVERSION_MIN = 1;
export const MICROVERSION_MAX = 96;
export const versionText = (minor: number) => `1.${minor}`;
const VERSION_HEADER = 'x-openstack-ironic-api-version';
const GENERAL_HEADER = 'openstack-api-version';

const minors = new WeakMap<FastifyRequest, number>();
export const minorOf = (request: FastifyRequest): number => minors.get(request) ?? MICROVERSION_MIN;

/** Ironic's own header, else `OpenStack-API-Version: baremetal 1.N` (it can name several services), else the minimum. */
function askedVersion(request: FastifyRequest): string {
  const own = request.headers[VERSION_HEADER];
  if (own !== undefined) return String(own).trim();
  const general = String(request.headers[GENERAL_HEADER] ?? '')
    .split(',')
    .map((part) => /^\s*baremetal\s+(\S+)\s*$/.exec(part)?.[1])
    .find((version) => version !== undefined);
  return general ?? versionText(MICROVERSION_MIN);
}

function toMinor(asked: string): number | undefined {
  if (asked === 'latest') return MICROVERSION_MAX;
  const match = /^1\.(\d{1,4})$/.exec(asked);
  const minor = match ? Number(match[1]) : NaN;
  return minor >= MICROVERSION_MIN && minor <= MICROVERSION_MAX ? minor : undefined;
}

/** Anything outside the range is a 406 that tells the range. */
export function negotiateMicroversion(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    const asked = askedVersion(request);
    const minor = toMinor(asked);
    minors.set(request, minor ?? MICROVERSION_MIN);
    reply.headers({
      'x-openstack-ironic-api-minimum-version': versionText(MICROVERSION_MIN),
      'x-openstack-ironic-api-maximum-version': versionText(MICROVERSION_MAX),
      [VERSION_HEADER]: versionText(minor ?? MICROVERSION_MIN),
      [GENERAL_HEADER]: `baremetal ${versionText(minor ?? MICROVERSION_MIN)}`,
      vary: `${VERSION_HEADER}, ${GENERAL_HEADER}`,
    });
    if (minor === undefined) {
      const range = `[${versionText(MICROVERSION_MIN)}, ${versionText(MICROVERSION_MAX)}]`;
      const message = `Version ${asked.slice(0, 40)} was requested but is not supported by this service. The supported version range is: ${range}.`;
      await reply.status(406).send(errorBody(406, message));
    }
  });
}
