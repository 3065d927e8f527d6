/**
 * The configuration file: its shape, its secrets, and every problem it has in one list.
 *
 * The file holds no secret, only the paths of files which do. Paths inside are relative to the file's own folder.
 */
import { z } from 'zod';
import { analysisSchema, readAnalysis, type AnalysisConfig } from './analysis/config.ts';
import { ConfigError, databaseName, Files, host, path, port, readShape, replicaSet } from './configfile.ts';
import { loadPeople, type Person } from './people/people.ts';
import type { SessionLimits } from './people/sessions.ts';
import type { ReportsConfig } from './reports/reports.ts';
import { LANGUAGES } from './reports/templates.ts';
import type { Reached } from './store/connection.ts';

export { ConfigError } from './configfile.ts';

/** What a caller may be. Which role may call which route stands in http/access.ts. */
export const ROLES = ['webhook', 'viewer', 'radiologist', 'technologist', 'administrator', 'monitor'] as const;
export type Role = (typeof ROLES)[number];

const orthancUrl = z.string().superRefine((text, context) => {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a URL such as http://127.0.0.1:8042' });
    return;
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    context.addIssue({ code: 'custom', message: 'must begin with http:// or https://' });
  }
  if (url.username !== '' || url.password !== '') {
    context.addIssue({ code: 'custom', message: 'must not hold a user or a password: use username and password_file' });
  }
  if (url.search !== '' || url.hash !== '') {
    context.addIssue({ code: 'custom', message: 'must not hold a query or a fragment' });
  }
});

/** Tokens shorter than this could be guessed. 32 random bytes in base64url are 43 characters. */
const MINIMUM_TOKEN_LENGTH = 16;

const schema = z.strictObject({
  environment: z.strictObject({
    name: z.string().min(1).max(64),
    kind: z.enum(['development', 'staging', 'production']),
  }),
  listen: z.strictObject({ host, port }),
  /** Who stands in front and tells the caller's address: addresses and networks. */
  trusted_proxies: z.array(z.string().min(1)).default([]),
  orthanc: z
    .strictObject({
      url: orthancUrl,
      username: z.string().min(1).nullable().default(null),
      password_file: path.nullable().default(null),
      ca_file: path.nullable().default(null),
      /** Whether its index is in PostgreSQL, which several Orthancs may write at once. */
      shared_index: z.boolean().default(false),
    })
    .refine((it) => (it.username === null) === (it.password_file === null), {
      message: 'username and password_file belong together: give both or neither',
    }),
  database: z
    .strictObject({
      host,
      port,
      name: databaseName,
      username: z.string().min(1).nullable().default(null),
      password_file: path.nullable().default(null),
      auth_source: z.string().min(1).nullable().default(null),
      /** Where the records are on several servers; `host` and `port` are then those of its first member. */
      replica_set: replicaSet.nullable().default(null),
      direct_connection: z.boolean().default(true),
      tls: z.boolean().default(false),
      tls_ca_file: path.nullable().default(null),
    })
    .refine((it) => (it.username === null) === (it.password_file === null), {
      message: 'username and password_file belong together: give both or neither',
    }),
  credentials: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(64),
        role: z.enum(ROLES),
        token_file: path,
      }),
    )
    .min(1),
  people: z
    .strictObject({
      file: path,
      /** Whether browsers come by HTTPS: the cookie is then for HTTPS alone. */
      secure_cookies: z.boolean(),
      idle_minutes: z.number().min(1).max(1440).default(30),
      longest_hours: z.number().min(1).max(168).default(12),
    })
    .nullable()
    .default(null),
  delivery: z
    .strictObject({
      poll_seconds: z.number().min(0.1).max(3600).default(5),
      reconcile_minutes: z.number().min(0.05).max(10080).default(15),
      batch_size: z.int().min(1).max(5000).default(500),
      settle_milliseconds: z.int().min(0).max(60000).default(300),
      stable_seconds: z.number().min(1).max(86400).default(60),
    })
    .prefault({}),
  /** How reports are written; null for the defaults. */
  reports: z
    .strictObject({
      /** Whether signed versions are stored to Orthanc: its account must be allowed to. */
      store_to_orthanc: z.boolean().default(false),
      language: z.enum(LANGUAGES).default('en'),
      institution: z.string().min(1).max(64).nullable().default(null),
    })
    .nullable()
    .default(null),
  analysis: analysisSchema,
  log: z
    .strictObject({
      level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
    })
    .prefault({}),
});

type FileShape = z.infer<typeof schema>;

/** A token a caller may show, with the name and the role it stands for. */
export interface Credential {
  readonly name: string;
  readonly role: Role;
  readonly token: string;
}

/** Who may log in, and for how long. */
export interface PeopleConfig extends SessionLimits {
  readonly list: readonly Person[];
  readonly secureCookies: boolean;
}

/** The configuration with its secrets read. Must not be logged. */
export interface Config {
  readonly environment: FileShape['environment'];
  readonly listen: FileShape['listen'];
  readonly trustedProxies: readonly string[];
  readonly orthanc: {
    readonly url: URL;
    readonly username: string | null;
    readonly password: string | null;
    readonly ca: string | null;
    readonly sharedIndex: boolean;
  };
  readonly database: Reached & {
    readonly name: string;
    readonly username: string | null;
    readonly password: string | null;
    readonly authSource: string | null;
    readonly directConnection: boolean;
  };
  readonly credentials: readonly Credential[];
  /** Who may log in; null where nobody may. */
  readonly people: PeopleConfig | null;
  readonly delivery: {
    readonly pollSeconds: number;
    readonly reconcileMinutes: number;
    readonly batchSize: number;
    readonly settleMilliseconds: number;
    readonly stableSeconds: number;
  };
  readonly reports: ReportsConfig;
  /** Which providers analyse what; null where none does. */
  readonly analysis: AnalysisConfig | null;
  readonly logLevel: FileShape['log']['level'];
}

/**
 * Reads and checks a configuration file and the secrets it refers to.
 *
 * @throws ConfigError naming every problem found. No message holds a secret.
 */
export function loadConfig(file: string): Config {
  const shape = readShape(schema, file);
  const files = new Files(file);
  const { problems } = files;

  const orthancPassword = files.secret('orthanc.password_file', shape.orthanc.password_file);
  const ca = files.text('orthanc.ca_file', shape.orthanc.ca_file);
  const databasePassword = files.secret('database.password_file', shape.database.password_file);
  const tlsCa = shape.database.tls_ca_file === null ? null : files.where(shape.database.tls_ca_file);
  files.text('database.tls_ca_file', shape.database.tls_ca_file);
  const credentials = shape.credentials.map((it, index): Credential => {
    const key = `credentials[${String(index)}].token_file`;
    const token = files.secret(key, it.token_file) ?? '';
    if (token !== '' && token.length < MINIMUM_TOKEN_LENGTH) {
      problems.push(`${key}: the token is shorter than ${String(MINIMUM_TOKEN_LENGTH)} characters`);
    }
    return { name: it.name, role: it.role, token };
  });
  credentials.forEach((it, index) => {
    const earlier = credentials.slice(0, index);
    if (it.token !== '' && earlier.some((other) => other.token === it.token)) {
      problems.push(`credentials[${String(index)}].token_file: the same token stands earlier in the list`);
    }
    if (earlier.some((other) => other.name === it.name)) {
      problems.push(`credentials[${String(index)}].name: ${it.name} stands earlier in the list`);
    }
  });
  let people: PeopleConfig | null = null;
  if (shape.people !== null) {
    const { file: peopleFile, secure_cookies, idle_minutes, longest_hours } = shape.people;
    const limits = { secureCookies: secure_cookies, idleMinutes: idle_minutes, longestHours: longest_hours };
    try {
      people = { ...limits, list: loadPeople(files.where(peopleFile)) };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems.map((it) => `people.file: ${it}`));
    }
  }
  const analysis = readAnalysis(shape.analysis, files);
  if (problems.length > 0) throw new ConfigError(problems);

  return {
    environment: shape.environment,
    listen: shape.listen,
    trustedProxies: shape.trusted_proxies,
    orthanc: {
      url: new URL(shape.orthanc.url),
      username: shape.orthanc.username,
      password: orthancPassword,
      ca,
      sharedIndex: shape.orthanc.shared_index,
    },
    database: {
      host: shape.database.host,
      port: shape.database.port,
      name: shape.database.name,
      username: shape.database.username,
      password: databasePassword,
      authSource: shape.database.auth_source,
      replicaSet: shape.database.replica_set,
      directConnection: shape.database.direct_connection,
      tls: shape.database.tls,
      tlsCaFile: tlsCa,
    },
    credentials,
    people,
    delivery: {
      pollSeconds: shape.delivery.poll_seconds,
      reconcileMinutes: shape.delivery.reconcile_minutes,
      batchSize: shape.delivery.batch_size,
      settleMilliseconds: shape.delivery.settle_milliseconds,
      stableSeconds: shape.delivery.stable_seconds,
    },
    reports: {
      storeToOrthanc: shape.reports?.store_to_orthanc ?? false,
      language: shape.reports?.language ?? 'en',
      institution: shape.reports?.institution ?? null,
    },
    analysis,
    logLevel: shape.log.level,
  };
}
