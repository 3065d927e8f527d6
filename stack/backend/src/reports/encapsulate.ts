/** A version of a report as a DICOM file: Encapsulated PDF, PS3.3 section A.45.1. */
import dcmjs from 'dcmjs';
import { instanceUid, seriesUid, uidOf } from './identifiers.ts';
import type { VersionDocument } from './model.ts';
import { VERSION } from '../version.ts';

const ENCAPSULATED_PDF = '1.2.840.10008.5.1.4.1.1.104.1';
const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
/** Of this program, for every version of it (PS3.7 annex D.3.3.2). */
const IMPLEMENTATION = uidOf('orthancgen backend');
/** PS3.16 CID 7020, Document Title: from LOINC. */
const TITLE = { CodeValue: '18748-4', CodingSchemeDesignator: 'LN', CodeMeaning: 'Diagnostic imaging study' };
const SERIES_NUMBER = 9_000;

dcmjs.log.setLevel('error');
const { DicomDict, DicomMetaDictionary } = dcmjs.data;

/** A single value of a text VR of so many characters: a backslash would separate two values (PS3.5 section 6.2). */
const short = (text: string | null, length: number): string =>
  Array.from((text ?? '').replace(/[\p{Cc}\p{Cs}\\]/gu, ' '))
    .slice(0, length)
    .join('')
    .trim();

/** A date or time as DA and TM; anything else is left out. */
const digits = (text: string | null, form: RegExp): string => (text !== null && form.test(text) ? text : '');
const date = (text: string | null): string => digits(text, /^\d{8}$/);
const time = (text: string | null): string => digits(text, /^\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?$/);

/** The instant as DA and TM of the place where the program runs: both stand without a time zone, as the study's do. */
function local(at: Date): { date: string; time: string } {
  const two = (it: number): string => String(it).padStart(2, '0');
  return {
    date: `${String(at.getFullYear())}${two(at.getMonth() + 1)}${two(at.getDate())}`,
    time: `${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`,
  };
}

export function encapsulate(version: VersionDocument, pdf: Buffer): Buffer {
  const { study, at } = version;
  const instance = instanceUid(version._id);
  const made = local(at);
  const document = new Uint8Array(pdf).buffer;
  const dataset = {
    SpecificCharacterSet: 'ISO_IR 192',
    InstanceCreationDate: made.date,
    InstanceCreationTime: made.time,
    SOPClassUID: ENCAPSULATED_PDF,
    SOPInstanceUID: instance,
    StudyDate: date(study.study_date),
    ContentDate: made.date,
    AcquisitionDateTime: '',
    StudyTime: time(study.study_time),
    ContentTime: made.time,
    AccessionNumber: short(study.accession_number, 16),
    Modality: 'DOC',
    ConversionType: 'WSD',
    Manufacturer: 'orthancgen',
    ...(version.institution === null ? {} : { InstitutionName: short(version.institution, 64) }),
    ReferringPhysicianName: short(study.referring_physician_name, 194),
    StudyDescription: short(study.study_description, 64),
    SeriesDescription: short(version.title, 64),
    SoftwareVersions: VERSION,
    PatientName: short(study.patient_name, 194),
    PatientID: short(study.patient_id, 64),
    PatientBirthDate: date(study.patient_birth_date),
    PatientSex: /^[MFO]$/.test(study.patient_sex ?? '') ? study.patient_sex : '',
    StudyInstanceUID: study.study_instance_uid,
    SeriesInstanceUID: seriesUid(version.report_id),
    StudyID: short(study.dicom_study_id, 16),
    SeriesNumber: SERIES_NUMBER,
    InstanceNumber: version.version,
    BurnedInAnnotation: 'YES',
    ConceptNameCodeSequence: [TITLE],
    // Attested by a legally accountable person (PS3.3 section C.24.2).
    VerificationFlag: version.state === 'preliminary' ? 'UNVERIFIED' : 'VERIFIED',
    DocumentTitle: short(version.title, 1024),
    EncapsulatedDocument: document,
    MIMETypeOfEncapsulatedDocument: 'application/pdf',
    EncapsulatedDocumentLength: pdf.length,
  };
  const meta = {
    FileMetaInformationVersion: new Uint8Array([0, 1]).buffer,
    MediaStorageSOPClassUID: ENCAPSULATED_PDF,
    MediaStorageSOPInstanceUID: instance,
    TransferSyntaxUID: EXPLICIT_LITTLE_ENDIAN,
    ImplementationClassUID: IMPLEMENTATION,
    ImplementationVersionName: `ORTHANCGEN_${VERSION}`.slice(0, 16),
  };
  const file = new DicomDict(DicomMetaDictionary.denaturalizeDataset(meta));
  file.dict = DicomMetaDictionary.denaturalizeDataset(dataset);
  return Buffer.from(file.write());
}
