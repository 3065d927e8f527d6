/** A whole site on free ports of loopback: Orthanc with DICOMweb, database, backend and the viewer's server. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn, type ChildProcess } from 'node:child_process';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { hashPassword, parseHash } from '../../../backend/src/people/passwords.ts';
import { Sessions, type SessionDocument } from '../../../backend/src/people/sessions.ts';
import { openStore, type Store } from '../../../backend/src/store/database.ts';
import { DICOMWEB } from '../../../backend/tests/live/analysis.ts';
import {
  BackendServer,
  DatabaseServer,
  Folder,
  freePort,
  OrthancServer,
  until,
} from '../../../backend/tests/live/servers.ts';

export const PASSWORD = 'correct horse battery staple';
export const ROLES = ['viewer', 'radiologist', 'technologist', 'administrator'] as const;
export type Role = (typeof ROLES)[number];
/** A port that nobody listens on. */
const NOBODY = 9;
const CHROMIUM = process.env.ORTHANCGEN_CHROMIUM ?? '/usr/bin/chromium';

export class Site {
  readonly folder: Folder;
  readonly orthanc: OrthancServer;
  readonly database: DatabaseServer;
  readonly backend: BackendServer;
  readonly port: number;
  #child: ChildProcess;
  output = '';
  readonly #configuration: string;

  private constructor(
    folder: Folder,
    orthanc: OrthancServer,
    database: DatabaseServer,
    backend: BackendServer,
    port: number,
    configuration: string,
  ) {
    this.folder = folder;
    this.orthanc = orthanc;
    this.database = database;
    this.backend = backend;
    this.port = port;
    this.#configuration = configuration;
    this.#child = this.#spawn();
  }

  /**
   * @param more what the backend's configuration has beside or instead of the usual
   * @param filled what is done with the database before the backend starts. Orthanc, which has nothing of it, is then
   *   out of the backend's reach: it would take the records for those of studies that were deleted.
   */
  static async start(
    more: (folder: Folder) => object = () => ({}),
    filled?: (store: Store) => Promise<void>,
  ): Promise<Site> {
    const folder = new Folder();
    const [orthanc, database] = await Promise.all([
      OrthancServer.start(folder, [DICOMWEB]),
      DatabaseServer.start(folder),
    ]);
    const file = join(folder.sub('people'), 'people.json');
    const people = await Promise.all(
      ROLES.map(async (role) => ({ name: role, role, password: await hashPassword(PASSWORD) })),
    );
    writeFileSync(file, JSON.stringify({ people }));
    const told = filled === undefined ? orthanc : { httpPort: NOBODY };
    const backend = await BackendServer.create(folder, told, database, {}, { file, secure_cookies: false });
    const usual = JSON.parse(readFileSync(backend.file, 'utf8')) as object;
    writeFileSync(backend.file, JSON.stringify({ ...usual, ...more(folder) }));
    if (filled !== undefined) {
      const store = openStore(database.settings);
      await filled(store).finally(async () => store.client.close());
    }
    await backend.start();
    if (filled === undefined) await until('the backend is ready', async () => (await backend.request('/readyz')).ok);
    else await until('the list is read', async () => backend.output.includes('list of studies is read'), 300);

    const port = await freePort();
    const place = folder.sub('viewer');
    writeFileSync(join(place, 'orthanc'), `${orthanc.password}\n`, { mode: 0o600 });
    const configuration = join(place, 'viewer.json');
    writeFileSync(
      configuration,
      JSON.stringify({
        environment: { name: 'test', kind: 'development' },
        listen: { host: '127.0.0.1', port },
        title: 'Test site',
        secure_cookies: false,
        backend: { url: `http://127.0.0.1:${String(backend.port)}` },
        orthanc: {
          url: `http://127.0.0.1:${String(orthanc.httpPort)}`,
          username: 'backend',
          password_file: 'orthanc',
        },
      }),
    );
    const site = new Site(folder, orthanc, database, backend, port, configuration);
    await until('the viewer answers', async () => (await fetch(`${site.url}/healthz`)).ok);
    return site;
  }

  #spawn(): ChildProcess {
    const program = fileURLToPath(new URL('../../dist/server.mjs', import.meta.url));
    const child = spawn(process.execPath, [program, '--config', this.#configuration], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    process.once('exit', () => child.kill('SIGKILL'));
    return child;
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  /** Logs in without a browser. Resolves to the cookie. */
  async login(role: Role): Promise<string> {
    const answer = await fetch(`${this.url}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user: role, password: PASSWORD }),
    });
    if (answer.status !== 201) throw new Error(`login answered ${String(answer.status)}: ${await answer.text()}`);
    return answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  }

  /** A session as a login makes it, without the login. @param begun when; long ago, it has ended */
  async session(role: Role, begun = new Date()): Promise<{ cookie: string; csrf: string }> {
    const person = { name: role, role, password: await hashed() };
    const collection = this.database.db.collection<SessionDocument>('sessions');
    const sessions = new Sessions(collection, [person], { idleMinutes: 30, longestHours: 12 });
    const { token, session } = await sessions.begin(person, '127.0.0.1', begun);
    return { cookie: `orthancgen=${token}`, csrf: session.csrf };
  }

  /** Stores a file over REST. Resolves to Orthanc's answer, which may be a refusal. */
  async offer(file: string): Promise<Response> {
    const authorization = `Basic ${Buffer.from(`backend:${this.orthanc.password}`).toString('base64')}`;
    const answer = await fetch(`http://127.0.0.1:${String(this.orthanc.httpPort)}/instances`, {
      method: 'POST',
      body: new Uint8Array(readFileSync(file)),
      headers: { authorization },
    });
    await this.backend.poke();
    return answer;
  }

  /** Waits until the backend has recorded a study. */
  async recorded(study: string): Promise<void> {
    await until(`the study ${study} is recorded`, async () => (await this.backend.request(`/api/studies/${study}`)).ok);
  }

  /** Process identifiers, to look at. */
  get processes(): Readonly<Record<'viewer' | 'backend' | 'orthanc', number | undefined>> {
    return { viewer: this.#child.pid, backend: this.backend.child?.pid, orthanc: this.orthanc.child?.pid };
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await ended;
    await this.backend.stop();
    await this.orthanc.stop();
    await this.database.close();
    this.folder.remove();
  }
}

let known: ReturnType<typeof parseHash> = null;

/** The password's hash; made once, for it is slow on purpose. */
async function hashed(): Promise<NonNullable<typeof known>> {
  known ??= parseHash(await hashPassword(PASSWORD));
  if (known === null) throw new Error('a hash that cannot be read');
  return known;
}

export async function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
    ],
  });
}

/** A page in a browser of its own, and everything about it that should not be: errors, and requests to elsewhere. */
export interface Watched {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly errors: string[];
}

export async function open(browser: Browser, site: Site, options: object = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => {
    // What could not be loaded is told by its response, with its address.
    const told = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !told) errors.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => errors.push(`error: ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) errors.push(`${String(response.status())} ${response.url()}`);
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(site.url) && !/^(blob|data):/.test(url)) errors.push(`request to ${url}`);
  });
  return { context, page, errors };
}

export async function loginIn(page: Page, site: Site, role: Role): Promise<void> {
  await page.goto(`${site.url}/login`);
  await page.getByLabel('User').fill(role);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Patients' }).waitFor();
}
