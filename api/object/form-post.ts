import { STATUS_CODES } from 'node:http';
import { findAccount } from '../../storage/object-store.ts';
import { OBJECT_LIMITS } from '../../storage/object-limits.ts';
import { guessContentType, readExpiry } from '../../storage/object-metadata-policy.ts';
import { putObject, receiveObject, unlessSilent } from '../../storage/object-service.ts';
import { isSigned, signingKeys } from '../../storage/temp-url-policy.ts';
import { Refusal, type Answer } from '../service-plugin.ts';
import { BadForm, boundaryOf, readForm, type FormPart } from './multipart-reader.ts';
import { mustHaveContainer, unauthorized, type ObjectCall, type Visit } from './object-visit.ts';

/** Uploads by a browser's form (Swift's "FormPost"): its hidden fields carry a signature of where the files may go, how many and how large. */
export const isForm = ({ headers }: ObjectCall): boolean => boundaryOf(headers['content-type']) !== undefined;

/** Fields are short: an address and a few numbers. */
const FIELD_BYTES_MAX = 8192;
const FIELDS_MAX = 100;

interface Permit {
  readonly fileBytesMax: number;
  readonly filesMax: number;
  readonly deleteAt: number | null;
}

export async function postForm(visit: Visit): Promise<Answer> {
  const { call } = visit;
  const fields: Record<string, string> = {};
  let permit: Permit | undefined;
  let files = 0;
  try {
    for await (const part of readForm(unlessSilent(call.stream as AsyncIterable<Buffer>), boundaryOf(call.headers['content-type'])!)) {
      if (part.filename === undefined) {
        if (Object.keys(fields).length >= FIELDS_MAX) throw new BadForm('FormPost: too many fields');
        fields[part.name.toLowerCase()] = await textOf(part);
        continue;
      }
      permit ??= await requirePermit(visit, fields);
      if (part.filename === '') continue;
      files += 1;
      if (files > permit.filesMax) throw new BadForm('max file count exceeded');
      await keep(visit, part, fields, permit);
    }
    permit ??= await requirePermit(visit, fields);
    if (files === 0) throw new BadForm('no files to process');
    return told(fields['redirect'], 201, '');
  } catch (error) {
    if (error instanceof BadForm) return told(permit === undefined ? undefined : fields['redirect'], 400, error.message);
    throw error;
  }
}

async function textOf({ bytes }: FormPart): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > FIELD_BYTES_MAX) throw new BadForm(`FormPost: a field is longer than ${FIELD_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** @throws Refusal 401 */
async function requirePermit({ storage, target, container }: Visit, fields: Readonly<Record<string, string>>): Promise<Permit> {
  const { redirect = '', max_file_size: size = '', max_file_count: count = '', expires = '', signature = '' } = fields;
  const number = (name: string, text: string) => {
    if (!/^\d{1,15}$/.test(text)) throw new BadForm(`FormPost: ${name} not an integer`);
    return Number(text);
  };
  const permit = { fileBytesMax: number('max_file_size', size), filesMax: number('max_file_count', count) };
  if (number('expired', expires) * 1000 <= Date.now()) throw unauthorized(target.account, 'FormPost: Form Expired');
  const account = await findAccount(storage.db, target.account);
  const keys = [...signingKeys('account', account?.headers), ...signingKeys('container', container?.headers)];
  if (!isSigned([target.path, redirect, size, count, expires], signature, keys))
    throw unauthorized(target.account, 'FormPost: Invalid Signature');
  const headers = {
    ...('x_delete_after' in fields ? { 'x-delete-after': fields['x_delete_after'] } : {}),
    ...('x_delete_at' in fields ? { 'x-delete-at': fields['x_delete_at'] } : {}),
  };
  const expiry = readExpiry(headers, Date.now());
  if ('error' in expiry) throw new BadForm(`FormPost: ${expiry.error}`);
  return { ...permit, deleteAt: expiry.at };
}

async function keep(visit: Visit, part: FormPart, fields: Readonly<Record<string, string>>, permit: Permit): Promise<void> {
  const container = mustHaveContainer(visit);
  const name = (visit.target.object ?? '') + part.filename!;
  if (Buffer.byteLength(name) > OBJECT_LIMITS.objectNameBytesMax) throw new BadForm('FormPost: the name of a file is too long');
  const received = await receiveObject(visit.storage, part.bytes, Math.min(permit.fileBytesMax, OBJECT_LIMITS.objectBytesMax));
  const { 'content-encoding': encoding } = fields;
  await putObject(visit.storage, received, {
    container,
    name,
    contentType: part.contentType || fields['content-type'] || guessContentType(name),
    headers: encoding === undefined ? {} : { 'content-encoding': encoding },
    deleteAt: permit.deleteAt,
  });
}

/** The browser goes where the form's maker wished, with what came of it in the query. */
function told(redirect: string | undefined, status: number, message: string): Answer {
  if (redirect === undefined || redirect === '')
    return {
      status,
      body: Buffer.from(`<h1>${status} ${STATUS_CODES[status]}</h1>${message.replace(/[<&]/g, '')}`),
      headers: { 'content-type': 'text/html' },
    };
  if (!/^https?:\/\/[\x21-\x7e]+$/i.test(redirect)) throw new Refusal(400, 'FormPost: redirect is no address');
  const sign = redirect.includes('?') ? '&' : '?';
  const location = `${redirect}${sign}status=${status}&message=${encodeURIComponent(message)}`;
  return {
    status: 303,
    body: Buffer.from(`<html><body><p><a href="${location.replaceAll('"', '%22')}">Click to continue...</a></p></body></html>`),
    headers: { location, 'content-type': 'text/html' },
  };
}
