import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '../service-plugin.ts';

/*
 * Microversions of Nova (api-guide "Microversions"): `OpenStack-API-Version: compute 2.N`, or the older `X-OpenStack-Nova-API-Version: 2.N`.
 * Below `/v2` there are none: it is 2.1 for clients that were written before them.
 */
export const MINOR_MIN = 1;
export const MINOR_MAX = 93;
export const versionText = (minor: number): string => `2.${minor}`;
const HEADER = 'OpenStack-API-Version';
const OLDER_HEADER = 'X-OpenStack-Nova-API-Version';

/** @throws Refusal 400 for what is no version, 406 outside the range */
export function negotiateCompute(request: FastifyRequest, reply: FastifyReply): number {
  void reply.headers({ 'x-compute-request-id': request.id, vary: `${HEADER}, ${OLDER_HEADER}` });
  tell(reply, MINOR_MIN);
  const minor = /^\/compute\/v2(\/|\?|$)/.test(request.url) ? MINOR_MIN : toMinor(askedOf(request));
  tell(reply, minor);
  return minor;
}

const tell = (reply: FastifyReply, minor: number) =>
  void reply.headers({ [HEADER]: `compute ${versionText(minor)}`, [OLDER_HEADER]: versionText(minor) });

function askedOf({ headers }: FastifyRequest): string {
  const named = String(headers[HEADER.toLowerCase()] ?? '')
    .split(',')
    .map((part) => /^\s*compute\s+(\S.*?)\s*$/.exec(part)?.[1])
    .find((version) => version !== undefined);
  return named ?? String(headers[OLDER_HEADER.toLowerCase()] ?? versionText(MINOR_MIN));
}

function toMinor(asked: string): number {
  if (asked === 'latest') return MINOR_MAX;
  const match = /^([1-9]\d{0,3})\.([1-9]\d{0,3}|0)$/.exec(asked);
  if (match === null) throw new Refusal(400, `API Version String ${asked} is of invalid format. Must be of format MajorNum.MinorNum.`);
  const [major, minor] = [Number(match[1]), Number(match[2])];
  if (major !== 2 || minor < MINOR_MIN || minor > MINOR_MAX)
    throw new Refusal(
      406,
      `Version ${asked} is not supported by the API. Minimum is ${versionText(MINOR_MIN)} and maximum is ${versionText(MINOR_MAX)}.`,
    );
  return minor;
}
