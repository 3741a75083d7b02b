import type { FastifyInstance } from 'fastify';
import { openApiDocument } from './reference/openapi-document.ts';
import { apiOperations } from './reference/operation-list.ts';
import { referencePage } from './reference/reference-page.ts';

/** Of the API as a whole; raised when operations come or go. */
const API_VERSION = '0.2.0';

/** The golden file `docs/openapi.json` holds it. */
export const servedOpenApi = () => openApiDocument(apiOperations(), API_VERSION);

/** `/docs` and `/openapi.json`: open to everyone, as the operations themselves are in OpenStack's own references. */
export function referenceRoutes(app: FastifyInstance): void {
  const document = JSON.stringify(servedOpenApi());
  const page = referencePage(apiOperations(), API_VERSION);
  app.get('/openapi.json', async (_request, reply) => reply.type('application/json').send(document));
  app.get('/docs', async (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'")
      .send(page),
  );
}
