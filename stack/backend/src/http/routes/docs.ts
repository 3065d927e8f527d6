/** The OpenAPI document, and a page which shows it without loading anything from elsewhere. */
import script from 'asset:swagger-ui-dist/swagger-ui-bundle.js';
import style from 'asset:swagger-ui-dist/swagger-ui.css';
import { z } from 'zod';
import type { App } from '../app.ts';
import { Problem } from '../problems.ts';

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>orthancgen backend</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="ui"></div>
<script src="docs/swagger-ui.js"></script>
<script src="docs/start.js"></script>
</html>
`;
const START = "SwaggerUIBundle({ url: 'docs/json', dom_id: '#ui', validatorUrl: null, tryItOutEnabled: false });\n";

const ASSETS: Readonly<Record<string, readonly [type: string, text: string]>> = {
  'swagger-ui.css': ['text/css; charset=utf-8', style],
  'swagger-ui.js': ['text/javascript; charset=utf-8', script],
  'start.js': ['text/javascript; charset=utf-8', START],
};

export function docsRoutes(app: App): void {
  app.get('/api/docs', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(PAGE),
  );

  app.get('/api/docs/json', { schema: { hide: true } }, () => app.swagger());

  app.get(
    '/api/docs/:asset',
    {
      schema: { hide: true, params: z.object({ asset: z.string() }) },
    },
    async ({ params }, reply) => {
      const asset = Object.hasOwn(ASSETS, params.asset) ? ASSETS[params.asset] : undefined;
      if (asset === undefined) throw new Problem(404, 'no such file');
      return reply.type(asset[0]).send(asset[1]);
    },
  );
}
