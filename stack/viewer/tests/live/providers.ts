/** Providers of analysis for the pages: the service of stack/analysis, and one whose state the test decides. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { AnalysisService, TOKEN } from '../../../backend/tests/live/analysis.ts';
import { Provider, type Asked } from '../../../backend/tests/live/provider.ts';
import { freePort, until } from '../../../backend/tests/live/servers.ts';
import { HOSTILE } from './provider.ts';
import type { Site } from './site.ts';

/** `image_quality` of stack/analysis as a process. */
export class QualityService extends AnalysisService {
  readonly url = `${this.base}/image_quality`;

  static async start(site: Site): Promise<QualityService> {
    const it = new QualityService(site.folder, await freePort(), site.orthanc, [{ kind: 'image_quality' }]);
    await it.start();
    return it;
  }
}

/** A provider whose words are hostile and whose state the test decides. */
export class Marker extends Provider {
  /** 200, or the status it refuses with, and its reason. */
  status = 200;
  version = '1.0';
  statement = 'Triage aid of the tests; not a diagnosis';

  card(): object {
    const { version, statement } = this;
    const card = { intended_use: 'tests', limitations: 'everything', labels: ['mark'], threshold: 0.5 };
    return { id: 'marker', version, title: 'Marker', kind: 'model', statement, modalities: [], licence: 'L', card };
  }

  answer(asked: Asked, response: ServerResponse): void {
    const { status } = this;
    const refusal = { type: 'about:blank', title: 'no', status, detail: `no model for this ${HOSTILE}` };
    response.writeHead(status).end(JSON.stringify(status === 200 ? this.#result(asked) : refusal));
  }

  #result({ study_instance_uid, series }: Asked): object {
    const [first] = series;
    const [image] = first?.instances ?? [];
    if (first === undefined || image === undefined) throw new Error('nothing was asked');
    const { series_instance_uid } = first;
    const { sop_instance_uid } = image;
    const reference = { series_instance_uid, sop_instance_uid, frame: 1 };
    const box = { type: 'box', points: [[20, 30], [90.4, 100.6]] }; // prettier-ignore
    const given = series.reduce((sum, it) => sum + it.instances.length, 0);
    return {
      study_instance_uid,
      statement: this.statement,
      findings: [
        { name: 'mark', text: `A mark in the middle ${HOSTILE}`, confidence: 0.93456, reference, region: box },
        { name: 'note', text: 'ملاحظة على الصورة', confidence: null, reference: null, region: null },
      ],
      measurements: [
        { name: 'score', title: 'Score', value: 0.000012345, unit: '1', reference },
        { name: 'length', title: 'Length', value: 12.3456789, unit: 'mm', reference: null },
      ],
      not_examined: [{ reference, why: `the file is broken ${HOSTILE}` }],
      provenance: {
        provider: 'marker',
        version: this.version,
        model_digest: `sha256:${'ab'.repeat(32)}`,
        input_digest: `sha256:${'cd'.repeat(32)}`,
        started_at: '2026-01-02T03:04:05Z',
        duration_seconds: 0.1,
        instances_given: given + 1,
        instances_examined: given,
        parameters: { threshold: 0.5, label: HOSTILE },
      },
    };
  }
}

/** Gives the site's backend its providers, and starts it anew. */
export async function withProviders(site: Site, providers: Readonly<Record<string, string>>): Promise<void> {
  const configuration = JSON.parse(readFileSync(site.backend.file, 'utf8')) as object;
  writeFileSync(join(site.backend.file, '..', 'provider'), `${TOKEN}\n`, { mode: 0o600 });
  const listed = Object.entries(providers).map(([id, url]) => ({ id, url, token_file: 'provider' }));
  const analysis = { providers: listed, poll_seconds: 0.2, attempts: 3, retry_seconds: 3_600 };
  writeFileSync(site.backend.file, JSON.stringify({ ...configuration, analysis }));
  await site.backend.stop();
  await site.backend.start();
  await until('the backend is ready', async () => (await site.backend.request('/readyz')).ok);
}
