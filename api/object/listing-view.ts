import { OBJECT_LIMITS } from '../../storage/object-limits.ts';
import { isSubdir, type Line, type ListedContainer, type ListingQuery } from '../../storage/object-listing.ts';
import type { Item } from '../../storage/object-storage.ts';
import { Refusal, type Answer } from '../service-plugin.ts';
import { isTrue, isoTime } from './object-headers.ts';
import type { ObjectCall } from './object-visit.ts';

/** Lists as text, JSON or XML, as the query's `format` or else `Accept` asks. */
export type Format = 'text' | 'json' | 'xml';

const TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; charset=utf-8',
  json: 'application/json; charset=utf-8',
  xml: 'application/xml; charset=utf-8',
};

/** @throws Refusal 406 */
export function formatOf({ query, headers }: Pick<ObjectCall, 'query' | 'headers'>): Format {
  const asked = query.get('format')?.toLowerCase();
  if (asked === 'json' || asked === 'xml') return asked;
  if (asked !== undefined) return 'text';
  const wanted = (headers.accept ?? '*/*')
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((one) => one.trim().toLowerCase());
      const quality = parameters.find((one) => one.startsWith('q='));
      return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) };
    })
    .filter(({ quality }) => quality > 0)
    .toSorted((one, other) => other.quality - one.quality);
  for (const { type } of wanted) {
    if (['text/plain', 'text/*', '*/*', '*'].includes(type)) return 'text';
    if (['application/json', 'application/*'].includes(type)) return 'json';
    if (['application/xml', 'text/xml'].includes(type)) return 'xml';
  }
  throw new Refusal(406, 'No acceptable type was found; there are text/plain, application/json, application/xml and text/xml.');
}

/** @throws Refusal 412 */
export function listingQuery({ query }: Pick<ObjectCall, 'query'>): ListingQuery {
  const text = (name: string) => {
    const value = query.get(name) ?? '';
    if (value.includes('\0') || !value.isWellFormed()) throw new Refusal(412, 'Invalid UTF8 or contains NULL');
    return value;
  };
  const asked = query.get('limit') ?? '';
  const limit = /^\d+$/.test(asked) ? Number(asked) : OBJECT_LIMITS.listingMax;
  if (limit > OBJECT_LIMITS.listingMax) throw new Refusal(412, `Maximum limit is ${OBJECT_LIMITS.listingMax}`);
  return {
    prefix: text('prefix'),
    marker: text('marker'),
    endMarker: text('end_marker'),
    delimiter: text('delimiter'),
    isReverse: isTrue(query.get('reverse')),
    limit,
    ...(query.has('path') ? { path: text('path') } : {}),
  };
}

const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' })[sign]!);
export { escapeXml };

const element = (name: string, fields: Readonly<Record<string, string | number>>): string =>
  `<${name}>${Object.entries(fields)
    .map(([key, value]) => `<${key}>${escapeXml(String(value))}</${key}>`)
    .join('')}</${name}>`;

const subdirElement = (subdir: string): string => `<subdir name="${escapeXml(subdir)}"><name>${escapeXml(subdir)}</name></subdir>`;

type Fields = Readonly<Record<string, string | number>>;
const utf8 = (headerValue: string): string => Buffer.from(headerValue, 'latin1').toString();

const containerFields = ({ name, objects, bytes, changedUs }: ListedContainer): Fields => ({
  name,
  count: objects,
  bytes,
  last_modified: isoTime(changedUs),
});

/** XML has no room for what only JSON lists: of a static large object, the ETag of the whole. */
const itemFields = ({ name, etag, size, wholeSize, wholeEtag, contentType, modifiedUs }: Item, format: Format): Fields => ({
  name,
  hash: etag,
  bytes: wholeSize ?? size,
  content_type: utf8(contentType),
  last_modified: isoTime(modifiedUs),
  ...(wholeEtag === null || format === 'xml' ? {} : { slo_etag: `"${wholeEtag}"` }),
});

const listing = <Row extends { readonly name: string }>(
  lines: readonly Line<Row>[],
  format: Format,
  { root, rootName, row }: { readonly root: string; readonly rootName: string; readonly row: string },
  fields: (line: Row) => Fields,
  headers: Readonly<Record<string, string>>,
): Answer => {
  const nameOf = (line: Line<Row>) => (isSubdir(line) ? line.subdir : line.name);
  const body = {
    text: () => lines.map((line) => `${nameOf(line)}\n`).join(''),
    json: () => JSON.stringify(lines.map((line) => (isSubdir(line) ? line : fields(line)))),
    xml: () =>
      `<?xml version="1.0" encoding="UTF-8"?>\n<${root} name="${escapeXml(rootName)}">${lines
        .map((line) => (isSubdir(line) ? subdirElement(line.subdir) : element(row, fields(line))))
        .join('')}</${root}>`,
  }[format]();
  const told = { ...headers, 'content-type': TYPES[format] };
  return body === '' ? { status: 204, headers: told } : { status: 200, body: Buffer.from(body), headers: told };
};

export const containerListing = (
  account: string,
  lines: readonly Line<ListedContainer>[],
  format: Format,
  headers: Readonly<Record<string, string>>,
) => listing(lines, format, { root: 'account', rootName: account, row: 'container' }, containerFields, headers);

export const itemListing = (container: string, lines: readonly Line<Item>[], format: Format, headers: Readonly<Record<string, string>>) =>
  listing(lines, format, { root: 'container', rootName: container, row: 'object' }, (item) => itemFields(item, format), headers);
