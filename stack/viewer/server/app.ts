/**
 * One small server for the pages: ours, and OHIF's; behind one login, which is the backend's.
 *
 * The browser never has a credential of Orthanc: what it asks of DICOMweb is passed on with this server's own account,
 * which may read and no more.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyReplyFrom from '@fastify/reply-from';
import fastifyStatic from '@fastify/static';
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { Agent } from 'undici';
import type { Config, Upstream } from './config.ts';
import { Gate } from './gate.ts';
import { OHIF, PAGES } from './headers.ts';
import { appConfig } from './ohif.ts';

/** What a study is called in DICOMweb (PS3.18 section 10.4): `/dicom-web/studies/UID/...`. */
const STUDY_PATH = /^\/dicom-web\/studies\/([0-9.]{1,64})(?:\/[A-Za-z0-9_.,/-]*)?$/;
const LOGIN = '/login';
/** Pages of ours: the application reads the path itself. */
const OURS = ['/', LOGIN, '/patients', '/patients/*', '/studies', '/studies/*', '/reports/*', '/status', '/audit'];
const YEAR = 365 * 24 * 60 * 60 * 1000;
/** As much as the backend takes at once: the text of a report. */
const UPLOAD_BYTES = 512 * 1024;

/** What passes on tells each address in the log, and addresses hold identifiers of studies. */
const QUIET = { logLevel: 'warn' } as const;

/** Folders of what is served: our application, and OHIF's build. */
export interface Assets {
  readonly app: string;
  readonly ohif: string;
}

/** Makes the server, not yet listening. */
export async function createApp(config: Config, assets: Assets, log: FastifyBaseLogger): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: log,
    // Paths hold identifiers of studies.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: UPLOAD_BYTES,
    trustProxy: config.trustedProxies.length === 0 ? false : [...config.trustedProxies],
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  });
  const toBackend = agentOf(config.backend);
  const toOrthanc = agentOf(config.orthanc);
  const gate = new Gate(config.backend, toBackend, config.secureCookies);
  app.addHook('onClose', async () => {
    await Promise.all([toBackend.close(), toOrthanc.close()]);
  });

  // What is passed on is not read here.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => {
    done(null, payload);
  });

  await app.register(async (scope) => {
    await scope.register(fastifyReplyFrom, { base: config.backend.url.origin, undici: toBackend, disableCache: true });
    scope.all('/api/*', QUIET, async (request, reply) => {
      // Else the backend hangs up while it is still being sent, and its answer is lost.
      if (Number(request.headers['content-length'] ?? 0) > UPLOAD_BYTES) return refuse(reply, 413, 'this is too long');
      return passToBackend(request, reply);
    });
  });
  await app.register(async (scope) => {
    const { username, password } = config.orthanc;
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    await scope.register(fastifyReplyFrom, { base: config.orthanc.url.origin, undici: toOrthanc, disableCache: true });
    scope.get('/dicom-web/*', QUIET, async (request, reply) => {
      const path = new URL(request.url, 'http://x').pathname;
      const uid = STUDY_PATH.exec(path)?.[1];
      const { ip, headers: given } = request;
      // The list of studies is what everybody who may log in sees anyway: OHIF looks there for earlier ones.
      if (uid === undefined && path !== '/dicom-web/studies') return refuse(reply, 404, 'this is not served here');
      const open = await gate.session(given.cookie, ip);
      const entry = open === 'open' && uid !== undefined ? await gate.study(uid, given.cookie, ip) : open;
      if (entry === 'unknown') return refuse(reply, 503, 'the backend does not answer');
      if (entry === 'closed') {
        return open === 'open' ? refuse(reply, 404, 'there is no such study') : refuse(reply, 401, 'log in');
      }
      return passToOrthanc(request, reply, path, authorization);
    });
  });

  const index = join(assets.app, 'index.html');
  await app.register(fastifyStatic, {
    root: assets.app,
    prefix: '/ours/',
    maxAge: YEAR,
    immutable: true,
    index: false,
    // What OHIF loads to start is 27 MB, of which 4.4 MB are sent: `compress` in ohif.mjs.
    preCompressed: true,
    setHeaders: (reply) => {
      reply.setHeader('vary', 'accept-encoding');
    },
  });
  for (const path of OURS) {
    app.get(path, async (_request, reply) =>
      reply
        .headers({ ...PAGES, 'cache-control': 'no-cache' })
        .sendFile('index.html', assets.app, { maxAge: 0, immutable: false }),
    );
  }
  app.get('/healthz', async () => ({ alive: true, built: existsSync(index) }));

  app.get('/app-config.js', async (request, reply) =>
    behindLogin(gate, request, reply, async () =>
      reply
        .headers({ ...OHIF, 'cache-control': 'no-cache' })
        .type('text/javascript; charset=utf-8')
        .send(appConfig(config.title)),
    ),
  );
  app.get('/viewer', async (request, reply) =>
    behindLogin(gate, request, reply, async () =>
      reply
        .headers({ ...OHIF, 'cache-control': 'no-cache' })
        .sendFile('index.html', assets.ohif, { maxAge: 0, immutable: false }),
    ),
  );
  app.setNotFoundHandler(async (request, reply) => {
    const path = decodedPath(request.url);
    if (request.method !== 'GET' || path === null || path.includes('..') || !/^\/[\w./@-]+$/.test(path)) {
      return refuse(reply, 404, 'there is nothing at this address');
    }
    return behindLogin(gate, request, reply, async () => {
      if (!existsSync(join(assets.ohif, path))) return refuse(reply, 404, 'there is nothing at this address');
      const hashed = /\.[0-9a-f]{12,}\.|^\/[0-9a-f]{12,}\./.test(path);
      return reply
        .headers({ ...OHIF, ...(hashed ? { 'cache-control': 'private, max-age=31536000, immutable' } : {}) })
        .sendFile(path.slice(1), assets.ohif, { maxAge: 0, immutable: false, cacheControl: !hashed });
    });
  });
  return app;
}

/** What Orthanc is asked for when it cannot give the pixels as they are stored: it then decodes them itself. */
const DECODED = `multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1`;

/** @param again whether Orthanc failed once to give the frames as they are stored, as with big endian */
function passToOrthanc(
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
  authorization: string,
  again = false,
): FastifyReply {
  return reply.from(request.url, {
    rewriteRequestHeaders: (_request, { accept = '*/*' }) => ({
      // Orthanc's plugin refuses the list that browsers send with a picture.
      accept: again ? DECODED : path.endsWith('/rendered') ? 'image/jpeg' : accept,
      authorization,
      ...ownAddress(request),
    }),
    rewriteHeaders: (headers) => ({
      'content-type': headers['content-type'],
      'content-length': headers['content-length'],
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
    }),
    onError: away('the archive does not answer'),
    onResponse: (_request, _reply, { statusCode, stream }) => {
      if (statusCode < 500 || again || !path.includes('/frames/')) {
        void reply.send(stream);
        return;
      }
      stream.resume();
      void passToOrthanc(request, reply, path, authorization, true);
    },
  });
}

/**
 * From what DICOMweb makes the addresses in its answers: the browser asks for bulk data by them. RFC 7239 would have
 * quotation marks around a host with a port, which Orthanc's plugin takes for a part of the name.
 */
function ownAddress({ host, protocol }: FastifyRequest): Readonly<Record<string, string>> {
  return /^[\w.-]{1,253}(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?$/.test(host)
    ? { forwarded: `host=${host};proto=${protocol}` }
    : {};
}

function passToBackend(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.from(request.url, {
    rewriteRequestHeaders: (_request, headers) => {
      // A program has its own way to the backend; here come browsers.
      const { authorization: _, host: __, ...rest } = headers;
      return { ...rest, 'x-forwarded-for': request.ip, 'x-forwarded-proto': request.protocol };
    },
    onError: away('the backend does not answer'),
  });
}

/** Serves somebody who is logged in; a page leads others to the login, anything else is refused. */
async function behindLogin(
  gate: Gate,
  request: FastifyRequest,
  reply: FastifyReply,
  serve: () => Promise<FastifyReply>,
): Promise<FastifyReply> {
  const entry = await gate.session(request.headers.cookie, request.ip);
  if (entry === 'open') return serve();
  if (entry === 'unknown') return refuse(reply, 503, 'the backend does not answer');
  const isPage = request.headers['sec-fetch-dest'] === 'document' || request.headers.accept?.startsWith('text/html');
  if (isPage === true) return reply.redirect(`${LOGIN}?next=${encodeURIComponent(request.url)}`, 303);
  return refuse(reply, 401, 'log in');
}

/** Says that who is asked is away. */
const away = (detail: string) => (reply: object) => {
  void refuse(reply as FastifyReply, 503, detail);
};

async function refuse(reply: FastifyReply, status: number, detail: string): Promise<FastifyReply> {
  return reply
    .code(status)
    .headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', status, detail }));
}

function decodedPath(url: string): string | null {
  try {
    return decodeURIComponent(new URL(url, 'http://x').pathname);
  } catch {
    return null;
  }
}

function agentOf({ ca }: Upstream): Agent {
  return new Agent({
    connect: ca === null ? { timeout: 5_000 } : { timeout: 5_000, ca },
    // Server-sent events are silent for a while; a large study takes its time.
    bodyTimeout: 120_000,
    headersTimeout: 60_000,
  });
}
