/** What a provider may answer, what may be stored of it, and what is analysed at all. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  analysisShape,
  bounded,
  providerShape,
  strayReference,
  type AnalysisRequest,
} from '../../src/analysis/contract.ts';
import { isImage } from '../../src/analysis/images.ts';
import { jobId, retryMilliseconds } from '../../src/analysis/jobs.ts';
import { plain, Provider, ProviderError } from '../../src/analysis/provider.ts';
import { checkReport } from '../../src/analysis/sr.ts';
import { ConfigError, loadConfig } from '../../src/config.ts';
import { encode, uid } from '../live/dicom.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const request: AnalysisRequest = {
  study_instance_uid: '1.2',
  series: [
    {
      series_instance_uid: '1.2.3',
      modality: 'CT',
      instances: [{ sop_instance_uid: '1.2.3.4', sop_class_uid: '1.2.840.10008.5.1.4.1.1.2' }],
    },
  ],
};
const reference = { series_instance_uid: '1.2.3', sop_instance_uid: '1.2.3.4', frame: null };
const finding = { name: 'x', text: '<script>alert(1)</script>', confidence: 0.5, reference, region: null };
const good = {
  study_instance_uid: '1.2',
  statement: 'Measurement, not a diagnosis',
  findings: [finding],
  measurements: [{ name: 'mean', title: 'Mean', value: 1.5, unit: '1', reference }],
  not_examined: [],
  provenance: {
    provider: 'image_quality',
    version: '0.1.0',
    model_digest: null,
    input_digest: DIGEST,
    started_at: '2026-01-02T10:11:12.000000Z',
    duration_seconds: 1,
    instances_given: 1,
    instances_examined: 1,
    parameters: { threshold: 0.5 },
  },
};

describe("a provider's result", () => {
  const accepts = (change: object): boolean => analysisShape.safeParse({ ...good, ...change }).success;

  it('is taken as it is, with HTML as text', () => {
    expect(analysisShape.parse(good)).toEqual(good);
  });

  it('may hold no more than the contract says', () => {
    expect(accepts({ findings: Array(501).fill(finding) })).toBe(false);
    expect(accepts({ measurements: Array(2_001).fill(good.measurements[0]) })).toBe(false);
    expect(accepts({ findings: [{ ...finding, text: 'x'.repeat(2_001) }] })).toBe(false);
    expect(accepts({ findings: [{ ...finding, text: '' }] })).toBe(false);
    expect(accepts({ statement: undefined })).toBe(false);
    expect(accepts({ findings: 'none' })).toBe(false);
    const parameters = Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`p${String(n)}`, n]));
    expect(accepts({ provenance: { ...good.provenance, parameters } })).toBe(false);
  });

  it.each([-0.1, 1.1, NaN, '0.5', Infinity])('has no confidence of %j', (confidence) => {
    expect(accepts({ findings: [{ ...finding, confidence }] })).toBe(false);
  });

  it.each([
    [{ type: 'point', points: [[1, 2]] }, true],
    [{ type: 'box', points: [[1, 2], [3, 4]] }, true], // prettier-ignore
    [{ type: 'box', points: [[1, 2]] }, false],
    [{ type: 'polygon', points: [[1, 2], [3, 4]] }, false], // prettier-ignore
    [{ type: 'point', points: [[1, 2, 3]] }, false],
    [{ type: 'point', points: [['1', 2]] }, false],
    [{ type: 'polygon', points: Array(501).fill([1, 2]) }, false],
    [{ type: 'circle', points: [[1, 2]] }, false],
  ])('has regions of known shapes: %j', (region, right) => {
    expect(accepts({ findings: [{ ...finding, region }] })).toBe(right);
  });

  it('drops what nobody knows', () => {
    const parsed = analysisShape.parse({ ...good, extra: 1, findings: [{ ...finding, __html: 'x' }] });
    expect(parsed).toEqual(good);
  });

  it('may only speak of what was given', () => {
    const about = (change: object): string | null =>
      strayReference(request, analysisShape.parse({ ...good, ...change }));
    expect(about({})).toBeNull();
    expect(about({ study_instance_uid: '1.9' })).toContain('another study');
    expect(about({ findings: [{ ...finding, reference: { series_instance_uid: '1.9' } }] })).toContain('a series');
    const stray = { ...reference, sop_instance_uid: '1.9' };
    expect(about({ measurements: [{ ...good.measurements[0], reference: stray }] })).toContain('an instance');
    expect(about({ not_examined: [{ reference: stray, why: 'x' }] })).toContain('an instance');
  });
});

describe('a request', () => {
  it('names no more instances than the contract allows', () => {
    const instances = Array.from({ length: 3_000 }, (_, n) => ({
      sop_instance_uid: `1.${String(n)}`,
      sop_class_uid: '1',
    }));
    const series = ['1.1', '1.2', '1.3'].map((it) => ({ series_instance_uid: it, modality: null, instances }));
    expect(bounded({ study_instance_uid: '1', series }).series.map((it) => it.instances.length)).toEqual([
      3_000, 2_000,
    ]);
  });

  it('is the same job for the same images', () => {
    const wish = { study: 's', provider: 'p', signature: 'x' };
    expect(jobId(wish)).toBe(jobId({ ...wish }));
    expect(new Set([jobId(wish), jobId({ ...wish, provider: 'q' }), jobId({ ...wish, signature: 'y' })]).size).toBe(3);
  });
});

describe('images', () => {
  it.each([
    ['1.2.840.10008.5.1.4.1.1.2', true, 'CT'],
    ['1.2.840.10008.5.1.4.1.1.2.1', true, 'enhanced CT'],
    ['1.2.840.10008.5.1.4.1.1.1.1', true, 'DX'],
    ['1.2.840.10008.5.1.4.1.1.6.1', true, 'US'],
    ['1.2.840.10008.5.1.4.1.1.7', true, 'secondary capture'],
    ['1.2.840.10008.5.1.4.1.1.128', true, 'PET'],
    ['1.2.840.10008.5.1.4.1.1.481.1', true, 'RT image'],
    ['1.2.840.10008.5.1.4.1.1.88.33', false, 'comprehensive SR'],
    ['1.2.840.10008.5.1.4.1.1.88.11', false, 'basic text SR'],
    ['1.2.840.10008.5.1.4.1.1.104.1', false, 'encapsulated PDF'],
    ['1.2.840.10008.5.1.4.1.1.11.1', false, 'presentation state'],
    ['1.2.840.10008.5.1.4.1.1.66.4', false, 'segmentation'],
    ['1.2.840.10008.5.1.4.1.1.9.1.1', false, 'ECG'],
    ['1.2.840.10008.5.1.4.1.1.481.3', false, 'RT structure set'],
    ['1.2.3.4', false, 'private'],
    [null, false, 'unknown'],
  ] as [string | null, boolean, string][])('%s: %s (%s)', (sopClass, image) => {
    expect(isImage(sopClass)).toBe(image);
  });
});

describe('waiting after a failure', () => {
  it('doubles, with jitter, up to half an hour', () => {
    expect(retryMilliseconds(1, 10, () => 1)).toBe(10_000);
    expect(retryMilliseconds(2, 10, () => 1)).toBe(20_000);
    expect(retryMilliseconds(1, 10, () => 0)).toBe(5_000);
    expect(retryMilliseconds(100, 10, () => 1)).toBe(1_800_000);
  });
});

describe('calls to a provider', () => {
  const open: { server: Server; provider: Provider }[] = [];
  afterEach(async () => {
    for (const it of open.splice(0)) {
      await it.provider.close();
      it.server.closeAllConnections();
      await new Promise((resolve) => it.server.close(resolve));
    }
  });

  async function serve(listener: RequestListener, timeoutSeconds = 5): Promise<Provider> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = new URL(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}/image_quality/`);
    const provider = new Provider({ id: 'image_quality', url, token: 'provider-token-0123456789', timeoutSeconds });
    open.push({ server, provider });
    return provider;
  }

  async function failure(listener: RequestListener, timeoutSeconds?: number): Promise<ProviderError> {
    const provider = await serve(listener, timeoutSeconds);
    const error: unknown = await provider.analyse(request, new AbortController().signal).catch((it: unknown) => it);
    if (!(error instanceof ProviderError)) throw new Error('it did not fail', { cause: error });
    return error;
  }
  const answer =
    (status: number, body: string): RequestListener =>
    (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    };

  it('carry the token and the request, below the given address', async () => {
    const seen: unknown[] = [];
    const provider = await serve((incoming, response) => {
      let body = '';
      incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
      incoming.on('end', () => {
        seen.push(incoming.url, incoming.headers.authorization, JSON.parse(body));
        response.end(JSON.stringify(good));
      });
    });
    expect(await provider.analyse(request, new AbortController().signal)).toEqual(good);
    expect(seen).toEqual(['/image_quality/v1/analyses', 'Bearer provider-token-0123456789', request]);
  });

  it.each([
    ['not JSON', 'hello', 'not as the contract says (at its beginning)'],
    ['HTML', '<html></html>', 'not as the contract says'],
    ['another shape', '{"findings":[]}', 'at study_instance_uid'],
    ['another study', JSON.stringify({ ...good, study_instance_uid: '1.9' }), 'it is of another study'],
    [
      'another provider',
      JSON.stringify({ ...good, provenance: { ...good.provenance, provider: 'other' } }),
      'names another provider',
    ],
    ['too much', JSON.stringify({ ...good, more: 'x'.repeat(1024 * 1024) }), 'is longer than 1048576 bytes'],
  ])('that give %s fail with words and may be repeated', async (_what, body, words) => {
    const error = await failure(answer(200, body));
    expect(error.message).toContain(words);
    expect(error.final).toBe(false);
  });

  it.each([
    [422, true],
    [400, true],
    [404, true],
    [413, true],
    [429, false],
    [500, false],
    [502, false],
    [503, false],
    [504, false],
    [302, false],
    [204, false],
  ])('answered %i are final: %s', async (status, final) => {
    const error = await failure(answer(status, JSON.stringify({ detail: 'because' })));
    expect(error.final).toBe(final);
    if (status !== 204) expect(error.message).toBe(`the provider answered ${String(status)}: because`);
  });

  it('whose token is refused say which file to look at', async () => {
    const error = await failure(answer(401, ''));
    expect(error.message).toContain('check token_file');
    expect(error.message).not.toContain('provider-token');
  });

  it('that hang, trickle or break off end in time', async () => {
    const started = performance.now();
    expect((await failure(() => undefined, 0.3)).message).toBe('no answer within 0.3 s');
    const trickle: RequestListener = (_request, response) => {
      const timer = setInterval(() => response.write(' '), 50);
      response.on('close', () => {
        clearInterval(timer);
      });
    };
    expect((await failure(trickle, 0.3)).message).toBe('no answer within 0.3 s');
    expect((await failure((incoming) => incoming.socket.destroy())).message).toContain('cannot be reached');
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('keep what a provider says of itself, and notice another one', async () => {
    let calls = 0;
    const card = {
      id: 'image_quality',
      version: '1',
      title: 'T',
      kind: 'measurement',
      statement: 'S',
      modalities: [],
      licence: 'L',
    };
    const provider = await serve((_incoming, response) => {
      calls += 1;
      response.end(JSON.stringify(calls === 1 ? card : { ...card, id: 'other' }));
    });
    expect(await provider.card()).toEqual(providerShape.parse(card));
    await provider.card();
    expect(calls).toBe(1);
    await expect(provider.card(0)).rejects.toThrow('another provider answers there: other');
  });

  it('make plain text of words, whatever is in them', () => {
    expect(plain('a\u0000\r\nb\u202ec')).toBe('a b c');
    expect(plain('x'.repeat(1_000))).toHaveLength(500);
  });
});

describe('a structured report', () => {
  const study = { study_instance_uid: uid(), patient_id: 'P1' };
  const image = { patientId: 'P1', studyUid: study.study_instance_uid, seriesUid: uid(), instanceUid: uid() };
  const CT = '1.2.840.10008.5.1.4.1.1.2\0';
  const SR = '1.2.840.10008.5.1.4.1.1.88.33\0';

  /** The image's file with the class of a report in its place. */
  function report(change: Partial<typeof image> = {}): Buffer {
    const content = encode({ ...image, ...change });
    const meta = content.indexOf(CT, 132, 'latin1');
    const at = content.indexOf(CT, meta + 1, 'latin1');
    const length = Buffer.alloc(2);
    length.writeUInt16LE(SR.length);
    return Buffer.concat([
      content.subarray(0, at - 2),
      length,
      Buffer.from(SR, 'latin1'),
      content.subarray(at + CT.length),
    ]);
  }

  it('is taken where it is one of the study', () => {
    expect(checkReport(report(), study)).toBe(image.instanceUid);
  });

  it.each([
    ['an image', encode(image), 'it is no structured report'],
    ['of another study', report({ studyUid: uid() }), 'it is of another study'],
    ['of another patient', report({ patientId: 'P2' }), 'it is of another patient'],
    ['without a UID', report({ instanceUid: 'x y' }), 'is no UID'],
    ['nothing', Buffer.alloc(0), 'it is no DICOM file'],
    ['zeros', Buffer.alloc(5_000), 'it is no DICOM file'],
    ['cut short', report().subarray(0, 300), 'cannot be stored'],
  ])('that is %s is refused', (_what, content, words) => {
    expect(() => checkReport(content, study)).toThrow(words);
  });
});

describe('the configuration', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'backend-analysis-'));
    writeFileSync(join(folder, 'one'), 'a-token-long-enough-1\n');
    writeFileSync(join(folder, 'short'), 'short\n');
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const provider = { id: 'image_quality', url: 'http://127.0.0.1:8010/image_quality', token_file: 'one' };
  function load(analysis: unknown): ReturnType<typeof loadConfig> {
    const file = join(folder, 'backend.json');
    const content = {
      environment: { name: 'dev', kind: 'development' },
      listen: { host: '127.0.0.1', port: 8001 },
      orthanc: { url: 'http://127.0.0.1:8042' },
      database: { host: '127.0.0.1', port: 27017, name: 'orthancgen' },
      credentials: [{ name: 'orthanc', role: 'webhook', token_file: 'one' }],
      ...(analysis === undefined ? {} : { analysis }),
    };
    writeFileSync(file, JSON.stringify(content));
    return loadConfig(file);
  }
  function problems(analysis: unknown): string {
    try {
      load(analysis);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
      throw error;
    }
    return '';
  }

  it('may be left out', () => {
    expect(load(undefined).analysis).toBeNull();
    expect(load(null).analysis).toBeNull();
  });

  it('has defaults', () => {
    const { analysis } = load({ providers: [provider], on_arrival: ['image_quality', 'image_quality'] });
    expect(analysis).toMatchObject({ onArrival: ['image_quality'], storeSr: false, attempts: 10 });
    expect(analysis?.providers[0]).toMatchObject({ token: 'a-token-long-enough-1', timeoutSeconds: 600 });
  });

  it.each([
    [{ providers: [] }, 'analysis.providers'],
    [{ providers: [provider, provider] }, 'stands earlier'],
    [{ providers: [provider], on_arrival: ['other'] }, 'there is no provider other'],
    [{ providers: [{ ...provider, token_file: 'short' }] }, 'shorter than'],
    [{ providers: [{ ...provider, token_file: 'none' }] }, 'cannot read'],
    [{ providers: [{ ...provider, url: 'ftp://x' }] }, 'http://'],
    [{ providers: [{ ...provider, url: 'http://u:p@x/' }] }, 'must not hold a user'],
    [{ providers: [{ ...provider, id: '../x' }] }, 'small letters'],
    [{ providers: [{ ...provider, token: 'x' }] }, 'analysis.providers[0]'],
    [{ providers: [provider], store_sr: 'yes' }, 'analysis.store_sr'],
  ])('is refused: %#', (analysis, words) => {
    expect(problems(analysis)).toContain(words);
    expect(problems(analysis)).not.toContain('a-token-long-enough-1');
  });
});
