/** The service of stack/analysis as a process, which reads from an Orthanc. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Server, until, type Folder, type OrthancServer } from './servers.ts';

/** Where Debian's package puts the plugin by which it reads. */
export const DICOMWEB = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';
export const ANALYSIS = fileURLToPath(new URL('../../../analysis', import.meta.url));
/** A Python with the packages of stack/analysis. */
export const PYTHON = process.env.ORTHANCGEN_ANALYSIS_PYTHON ?? join(ANALYSIS, '.venv/bin/python');
/** Whether it can run here, beside an Orthanc that is available. */
export const installed = existsSync(DICOMWEB) && existsSync(PYTHON);
/** What its callers show. */
export const TOKEN = 'provider-token-0123456789';

export class AnalysisService extends Server {
  readonly port: number;
  readonly #file: string;

  /**
   * Writes the configuration. Does not start.
   *
   * @param folder has one of its own, `analysis`: paths of `providers` are relative to it.
   */
  constructor(folder: Folder, port: number, orthanc: OrthancServer, providers: readonly object[]) {
    super();
    this.port = port;
    const place = folder.sub('analysis');
    writeFileSync(join(place, 'token'), `${TOKEN}\n`);
    writeFileSync(join(place, 'orthanc'), `${orthanc.password}\n`);
    this.#file = join(place, 'analysis.json');
    const content = {
      listen: { host: '127.0.0.1', port },
      dicomweb: {
        url: `http://127.0.0.1:${String(orthanc.httpPort)}/dicom-web`,
        username: 'backend',
        password_file: 'orthanc',
      },
      token_file: 'token',
      providers,
    };
    writeFileSync(this.#file, JSON.stringify(content));
  }

  async start(): Promise<void> {
    this.launch(PYTHON, ['-m', 'orthancgen_analysis', '--config', this.#file], { PYTHONPATH: ANALYSIS });
    await until('the service answers', async () => (await fetch(`${this.base}/healthz`)).ok, 60);
  }

  get base(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }
}
