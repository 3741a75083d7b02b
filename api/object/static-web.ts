import { isSubdir, listItems, type Line } from '../../storage/object-listing.ts';
import { notFound, ObjectError } from '../../storage/object-error.ts';
import { OBJECT_LIMITS } from '../../storage/object-limits.ts';
import type { Container, Item } from '../../storage/object-storage.ts';
import { Refusal, type Answer } from '../service-plugin.ts';
import { escapeXml } from './listing-view.ts';
import { headerOf, httpDate, isTrue } from './object-headers.ts';
import { getObject } from './object-read.ts';
import { mayReadContainer, requireThat, type Visit } from './object-visit.ts';

/*
 * A container as a web site (Swift's "Static web"): `X-Container-Meta-Web-Index`, `-Web-Listings`, `-Web-Listings-CSS`, `-Web-Error`. For nobody in
 * particular, or for whoever asks with `X-Web-Mode`; what the container's access list does not open stays closed.
 */
interface Site {
  readonly index: string | undefined;
  readonly error: string | undefined;
  readonly css: string | undefined;
  readonly label: string | undefined;
  readonly hasListings: boolean;
}

function siteOf({ headers }: Container): Site | undefined {
  const meta = (name: string) => headers[`x-container-meta-web-${name}`];
  const site = {
    index: meta('index'),
    error: meta('error'),
    css: meta('listings-css'),
    label: meta('listings-label'),
    hasListings: isTrue(meta('listings')),
  };
  return site.index === undefined && site.error === undefined && !site.hasListings ? undefined : site;
}

/** The site that answers instead; undefined: the request is for the API. */
export function webSite({ call, container, target, standing }: Visit): Site | undefined {
  const isAsked = isTrue(headerOf(call.headers, 'x-web-mode'));
  if ((call.visitor !== undefined && !isAsked) || standing?.startsWith('signed') || !['GET', 'HEAD'].includes(call.method))
    return undefined;
  if (container === undefined || target.container === undefined) return undefined;
  return siteOf(container);
}

export async function visitSite(visit: Visit, site: Site, container: Container): Promise<Answer> {
  try {
    return await (visit.target.object === undefined ? containerPage(visit, site, container) : objectPage(visit, site, container));
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof ObjectError) || ![401, 403, 404].includes(error.status)) throw error;
    return (await errorPage(visit, site, error.status)) ?? Promise.reject(error);
  }
}

async function containerPage(visit: Visit, site: Site, container: Container): Promise<Answer> {
  if (!visit.target.path.endsWith('/')) return withSlash(visit);
  const index = site.index === undefined ? undefined : await page(visit, site.index);
  return index ?? listing(visit, site, container, '');
}

async function objectPage(visit: Visit, site: Site, container: Container): Promise<Answer> {
  const name = visit.target.object!;
  const plain = await page(visit, name);
  if (plain !== undefined) return plain;
  const folder = name.endsWith('/') ? name : `${name}/`;
  const index = site.index === undefined ? undefined : await page(visit, folder + site.index);
  if (index !== undefined && folder === name) return index;
  const isFolder = index !== undefined || (await listItems(visit.storage.db, container.id, query(folder, 1))).length > 0;
  if (!isFolder) throw notFound();
  return folder === name ? listing(visit, site, container, folder) : withSlash(visit);
}

const at = (visit: Visit, object: string): Visit => ({ ...visit, target: { ...visit.target, object } });

/** Undefined when there is no such object. */
const page = (visit: Visit, object: string): Promise<Answer | undefined> =>
  getObject(at(visit, object)).catch((error: unknown) => {
    if (error instanceof ObjectError && error.status === 404) return undefined;
    throw error;
  });

/** `404error.html`, with the status that it explains. */
async function errorPage(visit: Visit, site: Site, status: number): Promise<Answer | undefined> {
  if (site.error === undefined) return undefined;
  const found = await page(visit, `${status}${site.error}`).catch(() => undefined);
  return found === undefined ? undefined : { ...found, status };
}

/** So that what the page refers to is below it. */
function withSlash({ call }: Visit): Answer {
  const [path = '', query] = call.url.split('?');
  return {
    status: 301,
    headers: {
      location: `${call.base}${path}/${query === undefined ? '' : `?${query}`}`,
      'content-type': 'text/html; charset=UTF-8',
      'content-length': '0',
    },
  };
}

const query = (prefix: string, limit: number) => ({ prefix, limit, marker: '', endMarker: '', delimiter: '/', isReverse: false });

async function listing(visit: Visit, site: Site, container: Container, prefix: string): Promise<Answer> {
  if (!site.hasListings) throw notFound();
  requireThat(mayReadContainer(visit, container, 'list'), visit);
  const lines = await listItems(visit.storage.db, container.id, query(prefix, OBJECT_LIMITS.listingMax));
  if (prefix !== '' && lines.length === 0) throw notFound();
  const body = Buffer.from(listingPage(visit, site, prefix, lines));
  return {
    status: 200,
    body: visit.call.method === 'HEAD' ? undefined : body,
    headers: { 'content-type': 'text/html; charset=UTF-8', 'content-length': String(body.length) },
  };
}

const relative = (name: string): string => `./${name.split('/').map(encodeURIComponent).join('/')}`;

function listingPage({ target }: Visit, { css, label }: Site, prefix: string, lines: readonly Line<Item>[]): string {
  const title = escapeXml(`Listing of ${label === undefined ? target.path : label + prefix}`);
  const up = '../'.repeat(prefix.split('/').length - 1);
  const sheet =
    css === undefined ? '' : `<link rel="stylesheet" type="text/css" href="${escapeXml(/^(https?:)?\//.test(css) ? css : up + css)}" />`;
  const rows = lines.map((line) => {
    const name = (isSubdir(line) ? line.subdir : line.name).slice(prefix.length);
    const [size, date] = isSubdir(line) ? ['', ''] : [String(line.wholeSize ?? line.size), httpDate(line.modifiedUs)];
    return `<tr class="item${isSubdir(line) ? ' subdir' : ''}"><td class="colname"><a href="${escapeXml(relative(name))}">${escapeXml(name)}</a></td><td class="colsize">${size}</td><td class="coldate">${date}</td></tr>`;
  });
  const parent = prefix === '' ? '' : '<tr class="item"><td class="colname"><a href="../">../</a></td><td></td><td></td></tr>';
  return `<!DOCTYPE html>
<html><head><title>${title}</title>${sheet}</head>
<body><h1 id="title">${title}</h1>
<table id="listing"><tr id="heading"><th class="colname">Name</th><th class="colsize">Size</th><th class="coldate">Date</th></tr>
${[parent, ...rows].filter((row) => row !== '').join('\n')}
</table></body></html>
`;
}
