import { STATUS_CODES } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ZodError } from 'zod';
import { explainOutage } from '../../core/database/outage-policy.ts';
import { IdentityError } from '../../identity/identity-error.ts';
import { MoreMethodsNeeded } from '../../identity/authentication-service.ts';

/** Keystone's error body. */
export const identityErrorBody = (status: number, message: string) => ({
  error: { code: status, message, title: STATUS_CODES[status] ?? 'Error' },
});

/** PostgreSQL's refusals that a caller's values cause: text with a zero byte, a number or a time out of range. */
const BAD_VALUE = new Set(['22021', '22003', '22007', '22008', '22P02', '22P05', '54000']);

/** Every known refusal with its status; what is left is a bug, told as 500 without its inside. */
export function sendIdentityError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, message } = classify(error);
  if (error instanceof IdentityError) void reply.headers(error.headers);
  if (status === 401) void reply.header('www-authenticate', `Keystone uri="${request.protocol}://${request.host}/v3"`);
  void reply.header('vary', 'X-Auth-Token').status(status);
  return reply.send(error instanceof MoreMethodsNeeded ? error.body : identityErrorBody(status, message));
}

function classify(error: unknown): { status: number; message: string } {
  if (error instanceof IdentityError) return { status: error.status, message: error.message };
  if (error instanceof ZodError) {
    const issue = error.issues[0]!;
    return { status: 400, message: `Invalid input for field '${issue.path.join('/') || 'body'}': ${issue.message}` };
  }
  const outage = explainOutage(error);
  if (outage !== undefined) return { status: 503, message: outage };
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  if (code !== undefined && BAD_VALUE.has(code)) return { status: 400, message: 'A value has a form that can not be stored.' };
  if (statusCode === 415) return { status: 400, message: 'Expecting a JSON body: the Content-Type must be application/json.' };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return { status: statusCode, message: message ?? 'Bad request' };
  return { status: 500, message: 'An unexpected error prevented the server from fulfilling your request.' };
}
