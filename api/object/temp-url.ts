import { allowsTempUrl, readTempUrl, signingKeys } from '../../storage/temp-url-policy.ts';
import { findAccount } from '../../storage/object-store.ts';
import { Refusal, type Answer } from '../service-plugin.ts';
import { unauthorized, type ObjectCall, type Standing, type Target, type Visit } from './object-visit.ts';

/** Requests with `temp_url_sig`: the signature stands for the login. */
export const hasSignature = ({ query }: ObjectCall): boolean => query.has('temp_url_sig') || query.has('temp_url_expires');

/** A manifest put by a signature would read more than was signed. */
const FORBIDDEN = ['x-object-manifest', 'x-copy-from'] as const;

/** @throws Refusal 401 */
export async function signedStanding({ call, storage, target, container }: Visit): Promise<Standing> {
  const url = readTempUrl(call.query);
  if (url === undefined || url === 'invalid' || target.object === undefined) throw unauthorized(target.account, 'Temp URL invalid');
  const account = await findAccount(storage.db, target.account);
  const isBy = (keys: readonly string[]) =>
    allowsTempUrl(url, { method: call.method, path: target.path, nowMs: Date.now(), address: call.address, keys });
  const standing = isBy(signingKeys('account', account?.headers))
    ? 'signed-by-account'
    : isBy(signingKeys('container', container?.headers))
      ? 'signed-by-container'
      : undefined;
  if (standing === undefined) throw unauthorized(target.account, 'Temp URL invalid');
  for (const name of FORBIDDEN)
    if (call.headers[name] !== undefined) throw new Refusal(400, `The header ${name} is not allowed in this tempurl`);
  return standing;
}

/** Browsers save what they fetch by a signed address under the object's name, unless `inline` is asked. */
export function withDisposition(answer: Answer, { query }: ObjectCall, { object = '' }: Target): Answer {
  const inline = query.has('inline');
  const asked = query.get('filename');
  const filename = asked ?? object.replace(/\/+$/, '').split('/').at(-1)!;
  const kept = answer.headers?.['content-disposition'];
  const named = `filename="${encodeURIComponent(filename).replaceAll('%20', ' ')}"; filename*=UTF-8''${encodeURIComponent(filename)}`;
  const disposition = inline
    ? asked === null
      ? 'inline'
      : `inline; ${named}`
    : asked === null && kept !== undefined
      ? kept
      : `attachment; ${named}`;
  const expires = readTempUrl(query);
  return {
    ...answer,
    headers: {
      ...answer.headers,
      'content-disposition': disposition,
      ...(typeof expires === 'object' ? { expires: new Date(expires.expires * 1000).toUTCString() } : {}),
    },
  };
}
