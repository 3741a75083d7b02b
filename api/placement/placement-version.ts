import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../service-plugin.ts';

/** Microversions of Placement (api-ref "Microversions"): `OpenStack-API-Version: placement 1.N`. */
export const MINOR_MAX = 39;
export const versionText = (minor: number): string => `1.${minor}`;
const HEADER = 'openstack-api-version';

/** @throws Refusal 400 for what is no version, 406 outside the range */
export function negotiatePlacement(request: FastifyRequest, reply: FastifyReply): number {
  void reply.headers({ [HEADER]: `placement ${versionText(0)}`, vary: HEADER });
  const asked = String(request.headers[HEADER] ?? '')
    .split(',')
    .map((part) => /^\s*placement\s+(\S.*?)\s*$/.exec(part)?.[1])
    .find((version) => version !== undefined);
  const minor = asked === undefined ? 0 : toMinor(asked);
  void reply.header(HEADER, `placement ${versionText(minor)}`);
  return minor;
}

function toMinor(asked: string): number {
  if (asked === 'latest') return MINOR_MAX;
  const match = /^(\d{1,4})\.(\d{1,4})$/.exec(asked);
  if (match === null) throw new Refusal(400, `invalid version string: ${asked}`);
  const [major, minor] = [Number(match[1]), Number(match[2])];
  if (major !== 1 || minor > MINOR_MAX) throw new Refusal(406, `Unacceptable version header: ${asked}`);
  return minor;
}
