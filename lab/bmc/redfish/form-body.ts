import type { IncomingMessage } from 'node:http';
import type { Json, JsonObject } from '../../../core/base/json.ts';
import { HEAD_BYTES } from '../state/firmware-state.ts';
import { redfishError, type RedfishReply } from './redfish-error.ts';

/** A form with parts of JSON and a file, as an object: of the file its name, size and beginning. */
export const FORM_BYTES_MAX = 64 * 1024 ** 2;

export const isForm = (request: IncomingMessage): boolean => /^multipart\/form-data/i.test(request.headers['content-type'] ?? '');

export async function readForm(request: IncomingMessage): Promise<JsonObject | RedfishReply> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request) {
    size += (piece as Buffer).length;
    if (size > FORM_BYTES_MAX) return redfishError(413);
    pieces.push(piece as Buffer);
  }
  const headers = { 'content-type': request.headers['content-type']! };
  try {
    const form = await new Response(Buffer.concat(pieces), { headers }).formData();
    const entries = await Promise.all([...form].map(async ([name, value]) => [name, await partOf(value)] as const));
    return Object.fromEntries(entries) as JsonObject;
  } catch {
    return redfishError(400, 'The body is not the form that its type says.');
  }
}

async function partOf(value: string | File): Promise<Json> {
  if (typeof value === 'string') return JSON.parse(value) as Json;
  const bytes = Buffer.from(await value.arrayBuffer());
  return { name: value.name, sizeBytes: bytes.length, head: bytes.toString('latin1', 0, HEAD_BYTES) };
}
