/** Real servers on free ports of loopback: Orthanc, SecantusDB and the built backend, each ended by its process id. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient, type Db } from 'mongodb';
import { openStore } from '../../src/store/database.ts';
import { encode, type Image } from './dicom.ts';

function binary(variable: string, name: string, elsewhere: string[] = []): string | null {
  const named = process.env[variable];
  if (named !== undefined && named !== '') return named;
  const found = spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim();
  return found !== '' ? found : (elsewhere.find((it) => existsSync(it)) ?? null);
}

const ORTHANC = binary('ORTHANCGEN_ORTHANC', 'Orthanc');
const SECANTUSD = binary('ORTHANCGEN_SECANTUSD', 'secantusd-py', [
  fileURLToPath(new URL('../../../../.venv/bin/secantusd-py', import.meta.url)),
]);

/** Whether the live suites can run here. ORTHANCGEN_REQUIRE_LIVE=1 makes them fail instead of being left out. */
export const available = (ORTHANC !== null && SECANTUSD !== null) || process.env.ORTHANCGEN_REQUIRE_LIVE === '1';

export const TOKENS = { webhook: 'webhook-token-0123456789', operator: 'operator-token-0123456789' };
const ORTHANC_PASSWORD = 'orthanc-secret-1';
const DATABASE_PASSWORD = 'database-secret-1';

/** Below what the kernel gives to callers (`net.ipv4.ip_local_port_range`): one of them may have it before a server. */
const FREE = { from: 22_000, to: 27_000 }; // tests/support/servers.py has those before
const given = new Set<number>();

/** A port of loopback that nobody listens on, and that nobody else is given, also while a server starts anew. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FREE.from, FREE.to);
    if (given.has(port)) continue;
    given.add(port);
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => {
        resolve(false);
      });
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
        server.close(() => {
          resolve(true);
        });
      });
    });
    if (free) return port;
  }
}

type Init = Omit<RequestInit, 'headers'> & { readonly headers?: Record<string, string> };

/** Waits until `look` gives something other than false, null or undefined, or its last error is thrown. */
export async function until<T>(
  what: string,
  look: () => Promise<T | false | null | undefined>,
  seconds = 30,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  let last: unknown = null;
  while (Date.now() < end) {
    try {
      const seen = await look();
      if (seen !== false && seen !== null && seen !== undefined) return seen;
      last = null;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not within ${String(seconds)} s: ${what}`, { cause: last });
}

/** A process, and all that it printed. */
export class Server {
  child: ChildProcess | null = null;
  output = '';

  protected launch(command: string, args: string[], environment: Record<string, string> = {}): void {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    // Also when a suite fails before its own end.
    const kill = (): boolean => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    this.child = child;
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  /** Ends the process and waits for it. Resolves to its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const { child } = this;
    this.child = null;
    if (child === null) return null;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    // Not its `exit`: what it wrote last may be read after that.
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    child.kill('SIGCONT');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    const code = await ended;
    clearTimeout(timer);
    return code;
  }
}

export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'backend-live-'));
  sub(name: string): string {
    const path = join(this.path, name);
    mkdirSync(path, { recursive: true });
    return path;
  }
  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class OrthancServer extends Server {
  readonly #folder: Folder;
  readonly httpPort: number;
  readonly dicomPort: number;
  password = ORTHANC_PASSWORD;
  storage = 'storage';
  /** Paths of plugins to load. */
  plugins: string[] = [];
  /** Further settings, beside or instead of the usual; they count from the next start. */
  settings: object = {};

  private constructor(folder: Folder, httpPort: number, dicomPort: number) {
    super();
    this.#folder = folder;
    this.httpPort = httpPort;
    this.dicomPort = dicomPort;
  }

  static async start(folder: Folder, plugins: string[] = []): Promise<OrthancServer> {
    const it = new OrthancServer(folder, await freePort(), await freePort());
    it.plugins = plugins;
    await it.start();
    return it;
  }

  async start(): Promise<void> {
    const storage = this.#folder.sub(this.storage);
    const file = join(this.#folder.sub('orthanc'), 'orthanc.json');
    const configuration = {
      StorageDirectory: storage,
      IndexDirectory: storage,
      HttpPort: this.httpPort,
      DicomPort: this.dicomPort,
      DicomAet: 'ORTHANC',
      RemoteAccessAllowed: false,
      AuthenticationEnabled: true,
      RegisteredUsers: { backend: this.password },
      OverwriteInstances: true,
      Plugins: this.plugins,
      ...this.settings,
    };
    writeFileSync(file, JSON.stringify(configuration));
    this.launch(ORTHANC ?? 'Orthanc', [file], { TCP_NODELAY: '1' });
    await until('Orthanc answers', async () => (await this.request('/system')).ok);
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const authorization = `Basic ${Buffer.from(`backend:${this.password}`).toString('base64')}`;
    return fetch(`http://127.0.0.1:${String(this.httpPort)}${path}`, {
      ...init,
      headers: { authorization },
      signal: AbortSignal.timeout(20_000),
    });
  }

  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    const answer = await this.request(path, init);
    if (!answer.ok) throw new Error(`Orthanc answered ${path} with ${String(answer.status)}`);
    return (await answer.json()) as T;
  }

  /** Stores images over REST. Resolves to Orthanc's answers. */
  async store(images: readonly Image[]): Promise<{ ID: string; ParentStudy: string; Status: string }[]> {
    const answers = [];
    for (const it of images) {
      const body = new Uint8Array(encode(it));
      answers.push(
        await this.json<{ ID: string; ParentStudy: string; Status: string }>('/instances', { method: 'POST', body }),
      );
    }
    return answers;
  }

  async delete(path: string): Promise<void> {
    const answer = await this.request(path, { method: 'DELETE' });
    if (!answer.ok) throw new Error(`Orthanc would not delete ${path}: ${String(answer.status)}`);
  }
}

export class DatabaseServer extends Server {
  readonly #path: string;
  readonly port: number;
  readonly #client: MongoClient;

  private constructor(path: string, port: number) {
    super();
    this.#path = path;
    this.port = port;
    this.#client = new MongoClient(`mongodb://backend:${DATABASE_PASSWORD}@127.0.0.1:${String(port)}/orthancgen`, {
      directConnection: true,
      serverSelectionTimeoutMS: 2000,
    });
  }

  /** Makes the user without authentication first, then starts with it. */
  static async start(folder: Folder): Promise<DatabaseServer> {
    const it = new DatabaseServer(folder.sub('database'), await freePort());
    await it.#spawn([]);
    const admin = new MongoClient(`mongodb://127.0.0.1:${String(it.port)}/`, { directConnection: true });
    const roles = [{ role: 'readWrite', db: 'orthancgen' }];
    await admin.db('orthancgen').command({ createUser: 'backend', pwd: DATABASE_PASSWORD, roles });
    await admin.close();
    await it.stop();
    await it.start();
    return it;
  }

  async start(): Promise<void> {
    await this.#spawn(['--auth']);
  }

  async #spawn(more: string[]): Promise<void> {
    this.launch(SECANTUSD ?? 'secantusd-py', [...databaseArguments(this.port, this.#path), ...more]);
    await databaseAnswers(this.port);
  }

  /** How a store is opened on it. */
  get settings(): Parameters<typeof openStore>[0] {
    return {
      host: '127.0.0.1',
      port: this.port,
      name: 'orthancgen',
      username: 'backend',
      password: DATABASE_PASSWORD,
      authSource: null,
      replicaSet: null,
      directConnection: true,
      tls: false,
      tlsCaFile: null,
    };
  }

  /** Has it be no primary for so long: it reads, and refuses to write. Clients lose their connections. */
  async stepDown(seconds: number): Promise<void> {
    await this.#client.db('admin').command({ replSetStepDown: seconds, force: true });
  }

  get db(): Db {
    return this.#client.db('orthancgen');
  }

  /** Drops every collection; the user stays. */
  async clear(): Promise<void> {
    for (const { name } of await this.db.listCollections().toArray()) await this.db.dropCollection(name);
  }

  async close(): Promise<void> {
    await this.#client.close();
    await this.stop();
  }
}

/** A database whose only account is its root, as the image of MongoDB makes it at the first start. */
export class GuardedDatabase extends Server {
  readonly #path: string;
  readonly #root: string;
  readonly port: number;

  private constructor(path: string, root: string, port: number) {
    super();
    this.#path = path;
    this.#root = root;
    this.port = port;
  }

  static async start(folder: Folder, root: string, password: string): Promise<GuardedDatabase> {
    const it = new GuardedDatabase(folder.sub('guarded'), root, await freePort());
    await it.#spawn([]);
    const anyone = new MongoClient(`mongodb://127.0.0.1:${String(it.port)}/`, { directConnection: true });
    await anyone.db('admin').command({ createUser: root, pwd: password, roles: ['root'] });
    await anyone.close();
    await it.stop();
    await it.#spawn(['--auth']);
    return it;
  }

  /** Runs `work` as root. */
  async as<T>(password: string, work: (client: MongoClient) => Promise<T>): Promise<T> {
    const client = new MongoClient(`mongodb://127.0.0.1:${String(this.port)}/`, {
      auth: { username: this.#root, password },
      authSource: 'admin',
      directConnection: true,
    });
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  }

  async #spawn(more: string[]): Promise<void> {
    this.launch(SECANTUSD ?? 'secantusd-py', [...databaseArguments(this.port, this.#path), ...more]);
    await databaseAnswers(this.port);
  }
}

function databaseArguments(port: number, path: string): string[] {
  return ['--host', '127.0.0.1', '--port', String(port), '--storage-path', path, '--cache-size', '256M'];
}

async function databaseAnswers(port: number): Promise<void> {
  await until('the database answers', async () => {
    // A new client each time: one whose first connection failed stays closed.
    const probe = new MongoClient(`mongodb://127.0.0.1:${String(port)}/`, {
      directConnection: true,
      serverSelectionTimeoutMS: 500,
    });
    try {
      return await probe.db('admin').command({ hello: 1 });
    } finally {
      await probe.close();
    }
  });
}

export class BackendServer extends Server {
  readonly port: number;
  readonly file: string;

  private constructor(port: number, file: string) {
    super();
    this.port = port;
    this.file = file;
  }

  /** Writes the configuration. Does not start. */
  static async create(
    folder: Folder,
    orthanc: Pick<OrthancServer, 'httpPort'>,
    database: DatabaseServer,
    delivery: object = {},
    people: object | null = null,
    reached: object = {},
  ): Promise<BackendServer> {
    const port = await freePort();
    const place = folder.sub(`backend-${String(port)}`);
    const secret = (name: string, content: string): string => {
      writeFileSync(join(place, name), `${content}\n`, { mode: 0o600 });
      return name;
    };
    const configuration = {
      environment: { name: 'test', kind: 'development' },
      listen: { host: '127.0.0.1', port },
      orthanc: {
        url: `http://127.0.0.1:${String(orthanc.httpPort)}`,
        username: 'backend',
        password_file: secret('orthanc', ORTHANC_PASSWORD),
        ca_file: null,
      },
      database: {
        host: '127.0.0.1',
        port: database.port,
        name: 'orthancgen',
        username: 'backend',
        password_file: secret('database', DATABASE_PASSWORD),
        direct_connection: true,
        tls_ca_file: null,
        ...reached,
      },
      credentials: [
        { name: 'orthanc', role: 'webhook', token_file: secret('webhook', TOKENS.webhook) },
        { name: 'operator', role: 'administrator', token_file: secret('operator', TOKENS.operator) },
      ],
      people,
      delivery: { poll_seconds: 0.5, reconcile_minutes: 15, batch_size: 50, settle_milliseconds: 50, ...delivery },
      log: { level: 'debug' },
    };
    const file = join(place, 'backend.json');
    writeFileSync(file, JSON.stringify(configuration));
    return new BackendServer(port, file);
  }

  /** Starts the process; does not wait for readiness. */
  run(): void {
    this.launch(process.execPath, [
      fileURLToPath(new URL('../../dist/server.mjs', import.meta.url)),
      '--config',
      this.file,
    ]);
  }

  async start(): Promise<void> {
    this.run();
    await until('the backend answers', async () => (await this.request('/healthz')).ok);
  }

  async request(path: string, init: Init = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${String(this.port)}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${TOKENS.operator}`, ...init.headers },
      signal: init.signal ?? AbortSignal.timeout(20_000),
    });
  }

  async json<T>(path: string, init: Init = {}): Promise<T> {
    const answer = await this.request(path, init);
    if (!answer.ok) throw new Error(`${path} answered ${String(answer.status)}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async poke(event = 'OnStoredInstance'): Promise<Response> {
    return this.request('/api/orthanc/webhook', {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKENS.webhook}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'poke-1', event }),
    });
  }
}
