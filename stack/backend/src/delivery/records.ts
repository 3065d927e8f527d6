/** Orthanc's resources as records: pure functions. */
import type { Resource } from '../orthanc.ts';
import type {
  InstanceDocument,
  PatientDocument,
  PatientTags,
  SeriesTags,
  StudyDocument,
  StudyTags,
} from '../store/documents.ts';

/** A DICOM value longer than this is cut: PS3.5 section 6.2 allows 64 for LO, 10,240 for LT. */
const MAXIMUM_TEXT_LENGTH = 1024;

/**
 * Text as it is searched in: lower case, without diacritics, and with the delimiters of a person's name as spaces.
 *
 * `Buc^Jérôme=山田^太郎` becomes `buc jerome 山田 太郎` (PN: DICOM PS3.5 section 6.2.1).
 */
export function normalize(value: string): string {
  return value
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(/[\^=\s\p{Cc}]+/gu, ' ')
    .trim();
}

/** A tag's text without padding and NUL, or null where it is absent or empty. */
export function tagText(tags: Readonly<Record<string, unknown>>, keyword: string): string | null {
  const value = tags[keyword];
  if (typeof value !== 'string') return null;
  const text = value.replace(/\0/g, '').trim();
  return text === '' ? null : text.slice(0, MAXIMUM_TEXT_LENGTH);
}

/** A DICOM date (DA) as `YYYYMMDD`, or null where it is none. Also takes ACR-NEMA's `YYYY.MM.DD`. */
export function tagDate(tags: Readonly<Record<string, unknown>>, keyword: string): string | null {
  const digits = tagText(tags, keyword)?.replace(/^(\d{4})\.(\d{2})\.(\d{2})$/, '$1$2$3') ?? '';
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(digits);
  if (match === null) return null;
  const [, year, month, day] = match;
  const iso = `${year ?? ''}-${month ?? ''}-${day ?? ''}`;
  const time = Date.parse(`${iso}T00:00:00Z`);
  return Number.isNaN(time) || !new Date(time).toISOString().startsWith(iso) ? null : digits;
}

/** An integer string (IS) as a number, or null where it is none. */
export function tagInteger(tags: Readonly<Record<string, unknown>>, keyword: string): number | null {
  const text = tagText(tags, keyword);
  if (text === null || !/^[+-]?\d{1,12}$/.test(text)) return null;
  return Number.parseInt(text, 10);
}

/** Orthanc's `YYYYMMDDTHHMMSS`, which is UTC, as a date. */
export function orthancDate(value: unknown): Date | null {
  if (typeof value !== 'string') return null;
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})$/.exec(value);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second] = match;
  const date = new Date(`${year ?? ''}-${month ?? ''}-${day ?? ''}T${hour ?? ''}:${minute ?? ''}:${second ?? ''}Z`);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** The patient's tags, from a patient or from what a study tells of its patient. */
export function patientTags(tags: Readonly<Record<string, unknown>>): PatientTags {
  return {
    patient_id: tagText(tags, 'PatientID') ?? '',
    patient_name: tagText(tags, 'PatientName') ?? '',
    patient_birth_date: tagDate(tags, 'PatientBirthDate'),
    patient_sex: tagText(tags, 'PatientSex'),
  };
}

/** A patient's tags with the fields searched in. */
export function patientFields(resource: Resource): PatientTags & Pick<PatientDocument, 'search'> {
  const tags = patientTags(resource.MainDicomTags);
  return { ...tags, search: { patient_id: normalize(tags.patient_id), patient_name: normalize(tags.patient_name) } };
}

/** A study's tags, its patient's, and the fields searched in. */
export function studyFields(resource: Resource): StudyTags & PatientTags & Pick<StudyDocument, 'search'> {
  const tags = resource.MainDicomTags;
  const patient = patientTags(resource.PatientMainDicomTags);
  const study: StudyTags = {
    parent_patient: resource.ParentPatient ?? '',
    study_instance_uid: tagText(tags, 'StudyInstanceUID') ?? '',
    study_id: tagText(tags, 'StudyID'),
    study_date: tagDate(tags, 'StudyDate'),
    study_time: tagText(tags, 'StudyTime'),
    study_description: tagText(tags, 'StudyDescription'),
    accession_number: tagText(tags, 'AccessionNumber'),
    referring_physician_name: tagText(tags, 'ReferringPhysicianName'),
    institution_name: tagText(tags, 'InstitutionName'),
  };
  return {
    ...study,
    ...patient,
    search: {
      patient_id: normalize(patient.patient_id),
      patient_name: normalize(patient.patient_name),
      study_description: normalize(study.study_description ?? ''),
      accession_number: normalize(study.accession_number ?? ''),
      referring_physician_name: normalize(study.referring_physician_name ?? ''),
    },
  };
}

/** A series' tags. Its patient is known from its study. */
export function seriesFields(resource: Resource, parentPatient: string): SeriesTags {
  const tags = resource.MainDicomTags;
  return {
    parent_study: resource.ParentStudy ?? '',
    parent_patient: parentPatient,
    series_instance_uid: tagText(tags, 'SeriesInstanceUID') ?? '',
    modality: tagText(tags, 'Modality'),
    series_number: tagInteger(tags, 'SeriesNumber'),
    series_description: tagText(tags, 'SeriesDescription'),
    series_date: tagDate(tags, 'SeriesDate'),
    series_time: tagText(tags, 'SeriesTime'),
    body_part_examined: tagText(tags, 'BodyPartExamined'),
    protocol_name: tagText(tags, 'ProtocolName'),
    station_name: tagText(tags, 'StationName'),
    manufacturer: tagText(tags, 'Manufacturer'),
  };
}

/** Where in the hierarchy a series stands. */
export interface SeriesParents {
  readonly parent_study: string;
  readonly parent_patient: string;
}

/** An instance's record. Sender and time come from the metadata Orthanc wrote at reception. */
export function instanceDocument(resource: Resource, parents: SeriesParents): InstanceDocument {
  const { MainDicomTags: tags, Metadata: metadata } = resource;
  return {
    _id: resource.ID,
    parent_series: resource.ParentSeries ?? '',
    parent_study: parents.parent_study,
    parent_patient: parents.parent_patient,
    sop_instance_uid: tagText(tags, 'SOPInstanceUID') ?? '',
    sop_class_uid: tagText(metadata, 'SopClassUid'),
    transfer_syntax_uid: tagText(metadata, 'TransferSyntax'),
    instance_number: tagInteger(tags, 'InstanceNumber'),
    number_of_frames: tagInteger(tags, 'NumberOfFrames'),
    size_bytes: resource.FileSize ?? 0,
    file_uuid: resource.FileUuid ?? null,
    received_at: orthancDate(metadata.ReceptionDate),
    origin: tagText(metadata, 'Origin'),
    remote_aet: tagText(metadata, 'RemoteAET'),
    remote_ip: tagText(metadata, 'RemoteIP'),
    called_aet: tagText(metadata, 'CalledAET'),
  };
}
