/**
 * Structured reports on their way from a provider to Orthanc.
 *
 * A provider could hand back anything. It is stored only if it is an SR of the very study and patient, and does not
 * take the place of an instance that is not an SR.
 */
import { parseDicom, type DataSet } from 'dicom-parser';
import { Pool } from 'undici';
import { z } from 'zod';
import type { Config } from '../config.ts';
import type { Store } from '../store/database.ts';
import type { StudyDocument } from '../store/documents.ts';
import { ProviderError } from './provider.ts';

const SR_CLASSES = '1.2.840.10008.5.1.4.1.1.88.';
const UID = /^[0-9]+(?:\.[0-9]+)*$/;
const STUDY_INSTANCE_UID = 'x0020000d';

/**
 * The SOPInstanceUID of a report.
 *
 * @throws ProviderError where it is not a report of this study
 */
export function checkReport(content: Buffer, study: Pick<StudyDocument, 'study_instance_uid' | 'patient_id'>): string {
  const text = readTags(content);
  if (text.sopClass?.startsWith(SR_CLASSES) !== true) throw unusable('it is no structured report');
  if (text.study !== study.study_instance_uid) throw unusable('it is of another study');
  if (text.patient !== study.patient_id.trim()) throw unusable('it is of another patient');
  if (text.instance === undefined || !UID.test(text.instance) || text.instance.length > 64)
    throw unusable('its SOPInstanceUID is no UID');
  return text.instance;
}

type Tags = Record<'sopClass' | 'instance' | 'study' | 'patient', string | undefined>;

function readTags(content: Buffer): Tags {
  let data: DataSet;
  try {
    data = parseDicom(content, { untilTag: STUDY_INSTANCE_UID });
  } catch {
    throw unusable('it is no DICOM file');
  }
  const text = (tag: string): string | undefined => {
    const element = data.elements[tag];
    if (element === undefined) return undefined;
    const bytes = content.subarray(element.dataOffset, element.dataOffset + element.length);
    return bytes.toString('utf8').replace(/[\0 ]+$/, '').trimStart(); // prettier-ignore
  };
  return {
    sopClass: text('x00080016'),
    instance: text('x00080018'),
    study: text(STUDY_INSTANCE_UID),
    patient: text('x00100020'),
  };
}

/** @throws ProviderError where the report would take another instance's place */
export async function checkPlace(store: Store, sopInstanceUid: string): Promise<void> {
  const there = await store.instances.findOne({
    sop_instance_uid: sopInstanceUid,
    sop_class_uid: { $not: { $regex: `^${SR_CLASSES.replaceAll('.', '\\.')}` } },
  });
  if (there !== null) throw unusable('its SOPInstanceUID is that of another instance');
}

function unusable(why: string): ProviderError {
  return new ProviderError(`the structured report cannot be stored: ${why}`, true);
}

const storedShape = z.object({ ParentStudy: z.string(), Status: z.string() });
const STORE_MILLISECONDS = 60_000;

/** Orthanc could not take a report. The message is free of patients' data. */
export class StoringError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StoringError';
  }
}

/** Stores reports in Orthanc by its REST API. */
export class ReportStore {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #headers: Record<string, string>;

  constructor(config: Config['orthanc']) {
    this.#pool = new Pool(config.url.origin, {
      connections: 1,
      connect: { timeout: 3_000, ...(config.ca === null ? {} : { ca: config.ca }) },
      headersTimeout: STORE_MILLISECONDS,
      bodyTimeout: STORE_MILLISECONDS,
      // Orthanc closes an idle connection after one second.
      keepAliveTimeout: 800,
    });
    this.#path = `${config.url.pathname.replace(/\/$/, '')}/instances`;
    this.#headers =
      config.username === null
        ? {}
        : { authorization: `Basic ${Buffer.from(`${config.username}:${config.password ?? ''}`).toString('base64')}` };
  }

  /**
   * Stores a report into a study of Orthanc; one that is there already stays as it is.
   *
   * @throws StoringError
   */
  async store(content: Buffer, study: string): Promise<void> {
    let status: number;
    let body: unknown;
    try {
      const answer = await this.#pool.request({
        method: 'POST',
        path: this.#path,
        headers: { ...this.#headers, 'content-type': 'application/dicom' },
        body: content,
        signal: AbortSignal.timeout(STORE_MILLISECONDS),
      });
      status = answer.statusCode;
      if (status === 200) body = await answer.body.json();
      else await answer.body.dump();
    } catch (error) {
      const code = (error as { code?: string }).code ?? (error instanceof Error ? error.name : 'unknown');
      throw new StoringError(`Orthanc cannot be reached to store the structured report (${code})`);
    }
    if (status === 401 || status === 403)
      throw new StoringError(`Orthanc does not let the backend store (${String(status)}): its account may only read`);
    if (status !== 200) throw new StoringError(`Orthanc answered ${String(status)} to the structured report`);
    const stored = storedShape.safeParse(body);
    if (!stored.success) throw new StoringError("Orthanc's answer to the structured report is not understood");
    if (stored.data.ParentStudy !== study)
      throw new StoringError('Orthanc put the structured report into another study');
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
