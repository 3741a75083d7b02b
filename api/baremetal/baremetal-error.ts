import type { FastifyReply, FastifyRequest } from 'fastify';
import { ZodError } from 'zod';
import { InventoryError } from '../../inventory/node-record.ts';

/** A refusal by the API itself: bad JSON patch, unknown field, missing token. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Ironic's error body: a JSON string inside JSON, which its clients unpack. */
export const errorBody = (status: number, message: string) => ({
  error_message: JSON.stringify({ faultcode: status < 500 ? 'Client' : 'Server', faultstring: message, debuginfo: null }),
});

const UNIQUE_VIOLATION = '23505';

/** Turns every known refusal into its status; what is left is a bug, logged whole and told as 500 without its inside. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, message } = classify(error);
  if (status >= 500) request.log.error({ err: error }, 'request failed');
  return reply.status(status).send(errorBody(status, message));
}

function classify(error: unknown): { status: number; message: string } {
  if (error instanceof InventoryError || error instanceof RequestRefused) return { status: error.status, message: error.message };
  if (error instanceof ZodError) {
    return { status: 400, message: error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; ') };
  }
  const { code, statusCode, detail, message } = error as { code?: string; statusCode?: number; detail?: string; message?: string };
  if (code === UNIQUE_VIOLATION) return { status: 409, message: `It exists already: ${detail ?? message}` };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return { status: statusCode, message: message ?? 'bad request' };
  return { status: 500, message: 'Internal error; the server log has the cause under this request id.' };
}
