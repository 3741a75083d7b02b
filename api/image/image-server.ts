import { ImageError } from '../../images/image-error.ts';
import { Refusal, type Service, type ToldRefusal } from '../service-plugin.ts';
import { dataRoutes } from './data-routes.ts';
import type { ImageContext, ImageRoute } from './image-context.ts';
import { imageRoutes } from './image-routes.ts';
import { infoRoutes } from './info-routes.ts';
import { memberRoutes } from './member-routes.ts';
import { metadefRoutes } from './metadef-routes.ts';
import { schemaRoutes } from './schema-routes.ts';

/** Minor versions are names of features, newest first (docs.openstack.org/api-ref/image/versions). */
const VERSIONS = [
  '2.16',
  '2.15',
  '2.14',
  '2.13',
  '2.12',
  '2.11',
  '2.10',
  '2.9',
  '2.8',
  '2.7',
  '2.6',
  '2.5',
  '2.4',
  '2.3',
  '2.2',
  '2.1',
  '2.0',
];

const versionRoute = (path: string, status: number): ImageRoute => ({
  method: 'GET',
  path,
  open: true,
  async handle(call) {
    const links = [{ rel: 'self', href: `${call.base}/v2/` }];
    return { status, body: { versions: VERSIONS.map((id, at) => ({ id: `v${id}`, status: at === 0 ? 'CURRENT' : 'SUPPORTED', links })) } };
  },
});

/** Records, patches and metadata definitions; bytes come as streams without a limit of this kind. */
const BODY_BYTES_MAX = 4 * 2 ** 20;

/** Image v2 (docs.openstack.org/api-ref/image/v2). */
export const imageService: Service<ImageContext> = {
  type: 'image',
  name: 'glance',
  title: 'Image v2',
  prefix: '/image',
  bodyBytesMax: BODY_BYTES_MAX,
  routes: [
    versionRoute('/', 300),
    versionRoute('/versions', 200),
    versionRoute('/v2', 200),
    ...imageRoutes,
    ...dataRoutes,
    ...memberRoutes,
    ...infoRoutes,
    ...schemaRoutes,
    ...metadefRoutes,
  ],
  errorBody,
  explain: (error) => (error instanceof ImageError ? new Refusal(error.status, error.message) : undefined),
};

/** As the framework of Glance chooses: JSON for whoever asks for it, else HTML. */
function errorBody({ status, title, message, request }: ToldRefusal): { body: unknown; contentType?: string } {
  const { accept = '' } = request.headers;
  const escaped = message.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign]!);
  if (status === 401 || /application\/(json|\*)/.test(accept) || !/text\/html|\*\/\*/.test(accept))
    return { contentType: 'application/json', body: { message: escaped, code: `${status} ${title}`, title } };
  return {
    contentType: 'text/html; charset=UTF-8',
    body: `<html>\n <head>\n  <title>${status} ${title}</title>\n </head>\n <body>\n  <h1>${status} ${title}</h1>\n  ${escaped}<br /><br />\n </body>\n</html>`,
  };
}
