/** The HTTP server: authentication, roles, limits and error answers for all routes. */
import fastifyCookie from '@fastify/cookie';
import fastifyHelmet from '@fastify/helmet';
import fastifyRateLimit from '@fastify/rate-limit';
import fastifySwagger from '@fastify/swagger';
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import {
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import type { AnalysisRunner } from '../analysis/runner.ts';
import type { CatalogueKeeper } from '../catalogue/keeper.ts';
import type { Config } from '../config.ts';
import type { Worker } from '../delivery/worker.ts';
import { summarize } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { Sessions } from '../people/sessions.ts';
import type { Reports } from '../reports/reports.ts';
import type { Store } from '../store/database.ts';
import { VERSION } from '../version.ts';
import { ACCESS, isRouteKey, mayCall } from './access.ts';
import { createAuthenticator } from './auth.ts';
import { sessionCookie } from './cookies.ts';
import { createHealth } from './health.ts';
import { createIdentifier } from './identify.ts';
import { NewsRoom } from './news.ts';
import { Problem, sendProblem } from './problems.ts';
import { analysisRoutes } from './routes/analysis.ts';
import { auditRoutes } from './routes/audit.ts';
import { docsRoutes } from './routes/docs.ts';
import { eventRoutes } from './routes/events.ts';
import { operationRoutes } from './routes/operations.ts';
import { orthancRoutes } from './routes/orthanc.ts';
import { recordRoutes } from './routes/records.ts';
import { reportRoutes } from './routes/reports.ts';
import { sessionRoutes } from './routes/session.ts';
import { verificationRoutes } from './routes/verification.ts';

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export interface AppOptions {
  readonly config: Pick<Config, 'environment' | 'credentials' | 'trustedProxies' | 'people' | 'delivery'>;
  readonly store: Store;
  readonly catalogue: CatalogueKeeper;
  readonly worker: Worker;
  readonly metrics: Metrics;
  readonly reports: Reports;
  readonly log: Log;
  /** Null or left out where nothing is analysed. */
  readonly analysis?: AnalysisRunner | null;
}

const BODY_BYTES = 64 * 1024;
/** Far more than people and one viewer need; the webhook and the probes are not limited. */
const REQUESTS_A_MINUTE = 3_000;
const REQUEST_MILLISECONDS = 30_000;

/** Makes the server, not yet listening. */
export async function createApp({
  config,
  store,
  catalogue,
  worker,
  metrics,
  reports,
  log,
  analysis = null,
}: AppOptions): Promise<App> {
  const { people } = config;
  const sessions = people === null ? null : new Sessions(store.sessions, people.list, people);
  const cookie = sessionCookie(people?.secureCookies ?? true);
  const identify = createIdentifier(createAuthenticator(config.credentials), sessions, cookie.name);
  const baseLog: FastifyBaseLogger = log;
  const app: App = fastify({
    loggerInstance: baseLog,
    // Paths and queries may hold names of patients: the hook below logs the route instead.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES,
    trustProxy: config.trustedProxies.length === 0 ? false : [...config.trustedProxies],
    requestTimeout: REQUEST_MILLISECONDS,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 256 },
  }).withTypeProvider<ZodTypeProvider>();

  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);

  app.addHook('onRoute', ({ method, url }) => {
    for (const it of [method].flat()) {
      if (!isRouteKey(`${it} ${url}`)) throw new Error(`${it} ${url} is missing in the table of access`);
    }
  });

  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500) request.log.error({ err: error }, 'a request failed');
    return sendProblem(reply, problem);
  });

  await app.register(fastifyHelmet, {
    contentSecurityPolicy: {
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        upgradeInsecureRequests: null,
      },
    },
  });
  await app.register(fastifyCookie);
  await app.register(fastifyRateLimit, { max: REQUESTS_A_MINUTE, timeWindow: '1 minute' });
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'orthancgen backend', version: VERSION, description: 'Records of what Orthanc stores' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
  });

  app.decorateRequest('identity', null);
  app.addHook('onRequest', async (request, reply) => {
    const key = `${request.method} ${request.routeOptions.url ?? ''}`;
    const open = isRouteKey(key) && ACCESS[key] === null;
    if (open) return;
    const caller = await identify(request);
    request.identity = caller;
    if (caller === null) {
      void reply.header('www-authenticate', 'Bearer');
      throw new Problem(401, 'log in, or send a known token: Authorization: Bearer TOKEN');
    }
    if (isRouteKey(key) && !mayCall(caller.role, key)) {
      throw new Problem(403, `the role ${caller.role} may not do this`);
    }
  });

  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
  });

  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    const status = String(reply.statusCode);
    metrics.requestSeconds.observe({ method: request.method, route, status }, reply.elapsedTime / 1000);
    request.log.debug(
      { method: request.method, route, status, milliseconds: Math.round(reply.elapsedTime) },
      'answered',
    );
  });

  app.setNotFoundHandler((_request, reply) => sendProblem(reply, new Problem(404, 'there is nothing at this address')));

  const health = createHealth(store, worker, config.delivery.pollSeconds);
  recordRoutes(app, store, catalogue, config.delivery.stableSeconds);
  sessionRoutes(app, store, people, sessions, identify);
  eventRoutes(app, new NewsRoom(catalogue, store, log), sessions, cookie.name);
  auditRoutes(app, store, config.environment.name);
  analysisRoutes(app, store, analysis);
  reportRoutes(app, store, reports);
  orthancRoutes(app, store, worker);
  const analyses = analysis !== null;
  operationRoutes(app, { environment: config.environment, store, worker, metrics, health, analyses });
  verificationRoutes(app, store, config.environment.name);
  docsRoutes(app);
  return app;
}

/** An error as what the caller may know of it. */
function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const place = error.validationContext ?? 'request';
    return new Problem(
      400,
      'the request is not valid',
      error.validation.map((it) => ({
        where: `${place}${it.instancePath.replaceAll('/', '.')}`,
        what: it.message ?? 'is not valid',
      })),
    );
  }
  const status = (error as { statusCode?: unknown }).statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new Problem(status, CLIENT_ERRORS[status] ?? 'the request is not valid');
  }
  const { source, message } = summarize(error);
  return source === 'backend'
    ? new Problem(500, 'an error in the backend; its log says more')
    : new Problem(503, message);
}

const CLIENT_ERRORS: Readonly<Record<number, string>> = {
  400: 'the request cannot be read',
  413: 'the body is too long',
  415: 'the body must be application/json',
  429: 'too many requests: try again in a minute',
};
