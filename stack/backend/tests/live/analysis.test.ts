/** From an image that arrives to a structured report in Orthanc: with the real service, and with failing providers. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ANALYSIS, AnalysisService, DICOMWEB, installed, PYTHON, TOKEN } from './analysis.ts';
import { series } from './dicom.ts';
import { emptyResult, Provider, type Asked } from './provider.ts';
import { available, BackendServer, DatabaseServer, Folder, freePort, OrthancServer, until } from './servers.ts';

const usable = (available && installed) || process.env.ORTHANCGEN_REQUIRE_LIVE === '1';
const SR = '1.2.840.10008.5.1.4.1.1.88.33';

interface Job {
  id: string;
  provider: string;
  state: string;
  attempts: number;
  last_error: string | null;
  requested_by: string | null;
}
interface Result {
  id: string;
  provider: { id: string; version: string; title: string };
  statement: string;
  findings: { name: string; text: string }[];
  measurements: { name: string; value: number; unit: string }[];
  provenance: { input_digest: string; instances_examined: number };
  sr_sop_instance_uid: string | null;
}
interface Answer {
  total: number;
  items: Result[];
  jobs: Job[];
}

/** Puts a model which says "bright" or "dark" into a folder, made on the spot, with its card. */
function makeModel(place: string): void {
  const program =
    'import sys, pathlib, test_onnx as t; p = pathlib.Path(sys.argv[1]); t.write_model(p); t.write_card(p)';
  const made = spawnSync(PYTHON, ['-c', program, place], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: `${ANALYSIS}:${join(ANALYSIS, 'tests')}` },
  });
  if (made.status !== 0) throw new Error(made.stderr);
}

/** It counts, waits, and answers what it is told to. */
class Fake extends Provider {
  readonly asked: string[] = [];
  milliseconds = 0;
  told: ((study: string) => unknown) | null = null;
  readonly #id: string;

  constructor(id: string) {
    super();
    this.#id = id;
  }

  card(): object {
    const id = this.#id;
    return { id, version: '1', title: id, kind: 'measurement', statement: 'S', modalities: [], licence: 'L' };
  }

  answer({ study_instance_uid: study }: Asked, response: ServerResponse): void {
    this.asked.push(study);
    setTimeout(() => {
      response.end(JSON.stringify(this.told === null ? emptyResult(this.#id, study) : this.told(study)));
    }, this.milliseconds);
  }
}

describe.skipIf(!usable)('analysis', () => {
  let folder: Folder;
  let orthanc: OrthancServer;
  let database: DatabaseServer;
  let service: AnalysisService;
  let counting: Fake;
  let nonsense: Fake;
  let backends: BackendServer[];
  const first = (): BackendServer => {
    if (backends[0] === undefined) throw new Error('no backend');
    return backends[0];
  };

  beforeAll(async () => {
    folder = new Folder();
    [orthanc, database] = await Promise.all([OrthancServer.start(folder, [DICOMWEB]), DatabaseServer.start(folder)]);
    makeModel(folder.sub('analysis'));
    const kinds = [{ kind: 'image_quality' }, { kind: 'onnx', card: 'card.yaml' }];
    service = new AnalysisService(folder, await freePort(), orthanc, kinds);
    await service.start();
    [counting, nonsense] = [new Fake('counting'), new Fake('nonsense')];
    const urls = {
      image_quality: `${service.base}/image_quality`,
      brightness: `${service.base}/brightness`,
      counting: await counting.start(),
      nonsense: await nonsense.start(),
    };
    backends = [];
    for (let n = 0; n < 2; n++) {
      const backend = await BackendServer.create(folder, orthanc, database);
      const configuration = JSON.parse(readFileSync(backend.file, 'utf8')) as object;
      const token = join(folder.path, 'provider-token');
      writeFileSync(token, `${TOKEN}\n`);
      const analysis = {
        providers: Object.entries(urls).map(([id, url]) => ({ id, url, token_file: token, timeout_seconds: 60 })),
        on_arrival: ['image_quality'],
        store_sr: true,
        poll_seconds: 0.2,
        quiet_seconds: 0.5,
        attempts: 3,
        retry_seconds: 0.2,
      };
      writeFileSync(backend.file, JSON.stringify({ ...configuration, analysis }));
      backends.push(backend);
    }
    await first().start();
    await until('it is ready', async () => (await first().request('/readyz')).ok);
  });
  afterEach(() => {
    counting.milliseconds = 0;
  });
  afterAll(async () => {
    for (const it of backends) await it.stop();
    await service.stop();
    await counting.stop();
    await nonsense.stop();
    await orthanc.stop();
    await database.close();
    folder.remove();
  });

  /** Stores images and waits until the study is recorded. Resolves to its identifiers. */
  async function arrive(patient: string, count = 1, modality = 'CT'): Promise<{ id: string; uid: string }> {
    const images = series(count, { patientId: patient, patientName: '<b>Nobody</b>^Test', pixel: 7, modality });
    const [stored] = await orthanc.store(images);
    const it = { id: stored?.ParentStudy ?? '', uid: images[0]?.studyUid ?? '' };
    await until('it is recorded', async () => (await first().request(`/api/studies/${it.id}`)).ok);
    return it;
  }

  const read = async (id: string): Promise<Answer> => first().json<Answer>(`/api/studies/${id}/analyses`);
  const job = async (id: string, provider: string): Promise<Job | undefined> =>
    (await read(id)).jobs.find((it) => it.provider === provider);
  async function ask(id: string, provider: string, backend = first()): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ provider });
    return backend.request(`/api/studies/${id}/analyses`, { method: 'POST', headers, body });
  }
  async function done(id: string, provider: string, state = 'done', seconds = 40): Promise<Job> {
    return until(
      `the job of ${provider} is ${state}`,
      async () => {
        const it = await job(id, provider);
        return it?.state === state && it;
      },
      seconds,
    );
  }
  async function reports(id: string): Promise<{ ID: string }[]> {
    const instances = await orthanc.json<{ ID: string }[]>(`/studies/${id}/instances`);
    const found = [];
    for (const it of instances) {
      const metadata = await (await orthanc.request(`/instances/${it.ID}/metadata/SopClassUid`)).text();
      if (metadata === SR) found.push(it);
    }
    return found;
  }

  it('is made of what arrives, by itself, and comes back as a structured report of the study', async () => {
    const study = await arrive('ARRIVES', 3);
    await done(study.id, 'image_quality');
    const { total, items } = await read(study.uid);
    expect(total).toBe(1);
    const [it] = items;
    expect(it?.provider).toMatchObject({ id: 'image_quality', title: 'Image quality' });
    expect(it?.provider.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(it?.statement).toBe('Measurement, not a diagnosis');
    expect(it?.provenance.instances_examined).toBe(3);
    expect(it?.findings.map((one) => one.name)).toContain('empty_image');
    expect(it?.measurements.find((one) => one.name === 'mean')?.value).toBe(0x0707);

    const [report] = await until('the report is in Orthanc', async () => {
      const found = await reports(study.id);
      return found.length > 0 && found;
    });
    const file = join(folder.path, 'report.dcm');
    writeFileSync(
      file,
      Buffer.from(await (await orthanc.request(`/instances/${report?.ID ?? ''}/file`)).arrayBuffer()),
    );
    const told = spawnSync(
      PYTHON,
      [
        '-c',
        'import sys, json, pydicom; d = pydicom.dcmread(sys.argv[1]); ' +
          't = [i.TextValue for i in d.ContentSequence if i.ValueType == "TEXT"]; ' +
          'print(json.dumps([str(d.SOPInstanceUID), str(d.StudyInstanceUID), d.PatientID, str(d.PatientName), ' +
          'd.VerificationFlag, t]))',
        file,
      ],
      { encoding: 'utf8' },
    );
    const [sop, uid, patient, name, flag, texts] = JSON.parse(told.stdout) as [...string[], string[]];
    expect(sop).toBe(it?.sr_sop_instance_uid);
    expect([uid, patient, name, flag]).toEqual([study.uid, 'ARRIVES', '<b>Nobody</b>^Test', 'UNVERIFIED']);
    expect(texts).toContain('image_quality ' + (it?.provider.version ?? ''));
    expect(texts).toContain('Measurement, not a diagnosis');

    // The report itself is recorded, and analysed by nobody.
    await until('the report is recorded', async () => {
      const all = await first().json<{ number_of_instances: number }>(`/api/studies/${study.id}`);
      return all.number_of_instances === 4;
    });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const after = await read(study.id);
    expect([after.total, after.jobs.length, (await reports(study.id)).length]).toEqual([1, 1, 1]);
    expect(service.output).not.toContain(study.uid);
    expect(service.output).not.toContain('Nobody');
  });

  it('made again by hand leaves one result and one report, and is written down', async () => {
    const study = await arrive('AGAIN');
    const before = await done(study.id, 'image_quality');
    expect(before.requested_by).toBeNull();
    expect((await ask(study.id, 'image_quality')).status).toBe(202);
    const after = await until('it is done again', async () => {
      const it = await job(study.id, 'image_quality');
      return it?.requested_by === 'operator' && it.state === 'done' && it;
    });
    expect(after.id).toBe(before.id);
    const { total, jobs } = await read(study.id);
    expect([total, jobs.length, (await reports(study.id)).length]).toEqual([1, 1, 1]);
    const trail = await first().json<{ items: { study_instance_uid: string }[] }>(
      '/api/audit?event=analysis_requested',
    );
    expect(trail.items.map((it) => it.study_instance_uid)).toContain(study.uid);
  });

  it('is tried again when the provider is killed in the middle', async () => {
    service.signal('SIGSTOP'); // it takes the call and does not answer
    const study = await arrive('KILLED');
    // Its card is remembered, so the job is made and waits in the call.
    await ask(study.id, 'image_quality');
    await done(study.id, 'image_quality', 'running');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await service.stop('SIGKILL');
    const failed = await until('the try failed', async () => {
      const it = await job(study.id, 'image_quality');
      return it?.last_error !== null && it;
    });
    expect(failed.last_error).toContain('the provider cannot be reached');
    await service.start();
    // Where all tries were over before the service was back: an administrator has it done again.
    const it = await until('it is done or dead', async () => {
      const now = await job(study.id, 'image_quality');
      return (now?.state === 'done' || now?.state === 'dead') && now;
    });
    if (it.state === 'dead') {
      expect((await first().request(`/api/analyses/${it.id}/retry`, { method: 'POST' })).status).toBe(202);
      await done(study.id, 'image_quality');
    } else expect(it.attempts).toBeGreaterThan(1);
    expect((await read(study.id)).total).toBe(1);
  });

  it('of a provider that answers nonsense fails with words, and is dead after so many tries', async () => {
    const study = await arrive('NONSENSE');
    await done(study.id, 'image_quality');
    nonsense.told = () => ({ '<script>': 1 });
    await ask(study.id, 'nonsense');
    const dead = await done(study.id, 'nonsense', 'dead');
    expect(dead.attempts).toBe(3);
    expect(dead.last_error).toContain('the result is not as the contract says');
    expect(nonsense.asked.filter((it) => it === study.uid)).toHaveLength(3);
    const queue = await first().json<{ items: Job[] }>('/api/analyses?state=dead');
    expect(queue.items.map((it) => it.id)).toContain(dead.id);

    nonsense.told = (uid) => ({ ...emptyResult('nonsense', uid), statement: '<img src=x onerror=alert(1)>' });
    expect((await first().request(`/api/analyses/${dead.id}/retry`, { method: 'POST' })).status).toBe(202);
    await done(study.id, 'nonsense');
    const answer = await first().request(`/api/studies/${study.id}/analyses`);
    expect(answer.headers.get('content-type')).toContain('application/json');
    const { items } = (await answer.json()) as Answer;
    expect(items[0]?.statement).toBe('<img src=x onerror=alert(1)>');
  });

  it("by a site's own model says what the card says, and only of what the model reads", async () => {
    const study = await arrive('MODEL');
    await done(study.id, 'image_quality');
    await ask(study.id, 'brightness');
    await done(study.id, 'brightness');
    const { items } = await read(study.id);
    const it = items.find((one) => one.provider.id === 'brightness');
    expect(it).toMatchObject({ statement: 'A test, not a diagnosis', provider: { version: '1.2.3' } });
    // 0x0707 is above the window: the model sees white.
    expect(it?.findings.map((one) => one.text)).toEqual(['bright: score 1.000, threshold 0.5']);
    expect((await reports(study.id)).length).toBe(2);

    const other = await arrive('OTHER', 1, 'MR');
    await ask(other.id, 'brightness');
    const dead = await done(other.id, 'brightness', 'dead');
    expect(dead).toMatchObject({ attempts: 1 });
    expect(dead.last_error).toContain('nothing in the study is for this provider: it reads CT');
  });

  it('goes with its study: jobs and results, also what a provider gives too late', async () => {
    const kept = await arrive('KEPT');
    const study = await arrive('GONE');
    for (const it of [kept, study]) await done(it.id, 'image_quality');
    counting.milliseconds = 1_500;
    const late = await arrive('LATE');
    await ask(late.id, 'counting');
    await done(late.id, 'counting', 'running');
    for (const it of [study, late]) await orthanc.request(`/studies/${it.id}`, { method: 'DELETE' });
    const left = async (): Promise<number[]> => {
      const filter = { study: { $in: [study.id, late.id] } };
      return Promise.all(
        ['analysis_jobs', 'analysis_results'].map(async (it) => database.db.collection(it).countDocuments(filter)),
      );
    };
    await until('nothing is left of it', async () => (await left()).every((it) => it === 0));
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // the provider has answered
    expect(await left()).toEqual([0, 0]);
    expect((await read(kept.id)).total).toBe(1);
  });

  it('is counted: jobs by state, and how long the oldest waits', async () => {
    const study = await arrive('COUNTED');
    await done(study.id, 'image_quality');
    const told = async (name: string): Promise<number> => {
      const text = await (await first().request('/metrics')).text();
      const line = text.split('\n').find((it) => it.startsWith(`orthancgen_backend_${name} `));
      return Number(line?.split(' ').at(-1));
    };
    expect(await told('analysis_jobs{state="done"}')).toBeGreaterThan(0);
    expect(await told('analysis_jobs{state="running"}')).toBe(0);
    expect(await told('analysis_oldest_waiting_seconds')).toBe(0);
    counting.milliseconds = 4_000;
    const others = [await arrive('WAITS1'), await arrive('WAITS2')];
    for (const it of others) await ask(it.id, 'counting');
    await until('one is done, and one waits', async () => {
      const states = await Promise.all(['running', 'queued'].map(async (it) => told(`analysis_jobs{state="${it}"}`)));
      return states.every((it) => it >= 1);
    });
    await until('it waits', async () => (await told('analysis_oldest_waiting_seconds')) > 0);
  });

  it('is refused for what is not there, and told who can analyse', async () => {
    const study = await arrive('REFUSED');
    expect((await ask(study.id, 'nobody')).status).toBe(422);
    expect((await ask('1.2.3.4', 'image_quality')).status).toBe(404);
    expect((await ask(study.id, '../x')).status).toBe(400);
    const none = await first().request(`/api/analyses/${'0'.repeat(64)}/retry`, { method: 'POST' });
    expect(none.status).toBe(404);
    const { providers } = await first().json<{
      providers: { id: string; reachable: boolean; on_arrival: boolean; card: { statement: string } | null }[];
    }>('/api/providers');
    const [quality] = providers.filter((it) => it.id === 'image_quality');
    expect(quality).toMatchObject({ reachable: true, on_arrival: true });
    expect(quality?.card?.statement).toBe('Measurement, not a diagnosis');
    expect(JSON.stringify(providers)).not.toContain(TOKEN);
  });

  it('shared by two backends is done once each', async () => {
    const second = backends[1];
    if (second === undefined) throw new Error('no second backend');
    await second.start();
    await until('it is ready', async () => (await second.request('/readyz')).ok);
    counting.milliseconds = 300;
    const studies = [];
    for (let n = 0; n < 10; n++) studies.push(await arrive(`SHARED${String(n)}`));
    await Promise.all(studies.map(async (it, n) => ask(it.id, 'counting', n % 2 === 0 ? first() : second)));
    for (const it of studies) await done(it.id, 'counting');
    expect(studies.map((it) => counting.asked.filter((one) => one === it.uid).length)).toEqual(studies.map(() => 1));
    const worked = (it: BackendServer): boolean => /"provider":"counting".*"msg":"analysed"/.test(it.output);
    expect(backends.map(worked)).toEqual([true, true]);
    // By itself, each of them once, whichever of the two saw it first.
    for (const it of studies) await done(it.id, 'image_quality');
    for (const it of studies) {
      const { total, jobs } = await read(it.id);
      expect([total, jobs.map((one) => one.state)]).toEqual([2, ['done', 'done']]);
    }
    await second.stop();
  });

  it('goes on where a backend was killed in the middle', async () => {
    counting.milliseconds = 1_500;
    const study = await arrive('RESUMED');
    await ask(study.id, 'counting');
    await done(study.id, 'counting', 'running');
    await until('the provider is asked', async () => counting.asked.includes(study.uid));
    await first().stop('SIGKILL');
    counting.milliseconds = 0;
    await first().start();
    const it = await until('it is done', async () => {
      const now = await job(study.id, 'counting').catch(() => undefined);
      return now?.state === 'done' && now;
    });
    expect(it.attempts).toBeGreaterThanOrEqual(2);
    // What is broken off by an orderly end is no try.
    counting.milliseconds = 1_500;
    const other = await arrive('ORDERLY');
    await ask(other.id, 'counting');
    await until('the provider is asked', async () => counting.asked.includes(other.uid));
    expect(await first().stop()).toBe(0);
    counting.milliseconds = 0;
    await first().start();
    const last = await until('it is done', async () => {
      const now = await job(other.id, 'counting').catch(() => undefined);
      return now?.state === 'done' && now;
    });
    expect(last.attempts).toBe(1);
  });
});
