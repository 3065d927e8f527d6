/**
 * Studies that nobody has: names of many scripts, frequent and rare ones, dates over ten years, as Orthanc tells them.
 *
 * The same count and seed give the same studies. Records are made by the backend's own functions.
 */
import { createHash } from 'node:crypto';
import { studyFields } from '../src/delivery/records.ts';
import type { PatientDocument, StudyDocument } from '../src/store/documents.ts';

/** mulberry32: a small generator of numbers from 0 to 1, good enough for data. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let it = Math.imul(state ^ (state >>> 15), 1 | state);
    it = (it + Math.imul(it ^ (it >>> 7), 61 | it)) ^ it;
    return ((it ^ (it >>> 14)) >>> 0) / 2 ** 32;
  };
}

const FAMILIES: readonly (readonly [number, readonly string[], readonly string[]])[] = [
  [
    50,
    ['Smith', 'Jones', 'Miller', 'Müller', 'Schmidt', 'Dubois', 'García', 'Novák', 'Łukasik', 'Åberg', "O'Neil"],
    ['Anna', 'Maria', 'Peter', 'Jérôme', 'José', 'Zoë', 'Ivan', 'Élodie', 'Jan', 'Ursula', 'Björn'],
  ],
  [12, ['Иванов', 'Кузнецов', 'Шевченко', 'Павлюк'], ['Анна', 'Юрий', 'Ольга', 'Семён']],
  [10, ['Yamada=山田', 'Sato=佐藤', 'Suzuki=鈴木', 'Ito=伊藤'], ['Tarou=太郎', 'Hanako=花子', 'Ken=健']],
  [8, ['Wang=王', 'Li=李', 'Zhang=張'], ['XiaoDong=小東', 'Mei=美', 'Wei=偉']],
  [8, ['Hong=洪', 'Kim=김', 'Bak=박'], ['Gildong=吉洞', 'Minjun=민준']],
  [7, ['قباني', 'حداد', 'منصور'], ['لنزار', 'فاطمة', 'ليلى']],
  [5, ['Διονυσιος', 'Παπαδόπουλος'], ['Ελένη', 'Γιώργος']],
];
const SYLLABLES = ['ba', 'ko', 'ri', 'ten', 'mar', 'vel', 'os', 'qui', 'dra', 'lun', 'fe', 'zan', 'hol', 'pet', 'wy'];
const MODALITIES: readonly (readonly [number, string, readonly string[]])[] = [
  [35, 'CR', ['CHEST PA', 'HAND LEFT', 'KNEE 2 VIEWS', 'THORAX p.a.']],
  [25, 'CT', ['CT CHEST W CONTRAST', 'CT HEAD', 'CT ABDOMEN PELVIS', 'Schädel nativ']],
  [18, 'US', ['ABDOMEN', 'THYROID', 'CARDIAC ECHO']],
  [14, 'MR', ['MR KNEE LEFT', 'MRI BRAIN', 'MR LUMBAR SPINE', '頭部MRI']],
  [5, 'MG', ['SCREENING MAMMOGRAPHY']],
  [3, 'PT', ['PET/CT WHOLE BODY']],
];
const DAY = 86_400_000;
/** When the newest came. */
export const NEWEST = Date.UTC(2026, 9, 1, 12);

export interface Synthetic {
  readonly study: StudyDocument;
  readonly patient: PatientDocument;
}

export function* synthetic(count: number, seed = 1): Generator<Synthetic, void, void> {
  const next = random(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  const one = <T>(list: readonly T[]): T => {
    const found = list[below(list.length)];
    if (found === undefined) throw new Error('an empty list');
    return found;
  };
  const weighted = <T extends readonly [number, ...unknown[]]>(list: readonly T[]): T => {
    let rest = next() * list.reduce((sum, it) => sum + it[0], 0);
    return list.find((it) => (rest -= it[0]) < 0) ?? one(list);
  };
  const name = (): string => {
    const [, families, given] = weighted(FAMILIES);
    // Half of the family names are rare ones.
    const rare = next() < 0.5 ? Array.from({ length: 2 + below(3) }, () => one(SYLLABLES)).join('') : '';
    const [family = '', ideographic] = one(families).split('=');
    const [first = '', second] = one(given).split('=');
    const groups = [`${rare === '' ? family : rare}^${first}`];
    if (ideographic !== undefined && second !== undefined) groups.push(`${ideographic}^${second}`);
    return groups.join('=');
  };
  let patient = { PatientID: '', PatientName: '', PatientBirthDate: '', PatientSex: '' };
  let parent = '';
  for (let index = 0; index < count; index += 1) {
    if (index === 0 || next() < 0.45) {
      patient = {
        PatientID: next() < 0.9 ? String(1_000_000 + below(9_000_000)) : `EXT-${String(below(1e6))}/${one(['A', 'B'])}`,
        PatientName: next() < 0.01 ? '' : name(),
        PatientBirthDate:
          next() < 0.05 ? '' : `${String(1930 + below(90))}0${String(1 + below(9))}1${String(below(9))}`,
        PatientSex: one(['M', 'F', 'O']),
      };
      parent = orthancId(`${patient.PatientID}|${String(index)}`);
    }
    const [, modality, descriptions] = weighted(MODALITIES);
    // More of late than long ago.
    const received = new Date(NEWEST - Math.floor(3650 * DAY * next() ** 2));
    received.setUTCMilliseconds(0);
    const instances = modality === 'CT' || modality === 'MR' ? 20 + below(900) : 1 + below(6);
    const day = new Date(received.getTime() - (next() < 0.1 ? below(900) * DAY : 0));
    const fields = studyFields({
      ID: '',
      Type: 'Study',
      ParentPatient: parent,
      Metadata: {},
      PatientMainDicomTags: patient,
      MainDicomTags: {
        StudyInstanceUID: `2.25.${String(seed)}.${String(index)}`,
        StudyID: String(index % 100_000),
        StudyDate: next() < 0.02 ? '' : day.toISOString().slice(0, 10).replaceAll('-', ''),
        StudyTime: '101500',
        StudyDescription: next() < 0.05 ? '' : one(descriptions),
        AccessionNumber: next() < 0.1 ? '' : `${one(['RAD', 'A', 'X'])}${String(20_000_000 + below(9_000_000))}`,
        ReferringPhysicianName: 'Referrer^A',
        InstitutionName: 'Example site',
      },
    });
    const device = below(12);
    const totals = {
      number_of_instances: instances,
      size_bytes: instances * 530_000,
      first_received_at: received,
      last_received_at: next() < 0.005 ? null : received,
      remote_aets: next() < 0.05 ? [] : [`${modality}${String(device)}`],
      remote_ips: [`192.0.2.${String(10 + device)}`],
      called_aets: ['ORTHANC'],
    };
    const study: StudyDocument = {
      _id: orthancId(fields.study_instance_uid),
      ...fields,
      ...totals,
      modalities_in_study: modality === 'PT' ? ['CT', 'PT'] : [modality],
      number_of_series: 1 + below(5),
      changed_at: received,
    };
    const { patient_id, patient_name, patient_birth_date, patient_sex, search } = study;
    yield {
      study,
      patient: {
        _id: parent,
        ...totals,
        patient_id,
        patient_name,
        patient_birth_date,
        patient_sex,
        number_of_studies: 1,
        number_of_series: study.number_of_series,
        search: { patient_id: search.patient_id, patient_name: search.patient_name },
      },
    };
  }
}

/** What people ask for, each kind with an example that this data answers; of the last ones it does not. */
export const KINDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  everything: {},
  'a frequent name': { q: 'smith' },
  'two words in the other order': { q: 'anna miller' },
  'a name without its accents': { q: 'muller jerome' },
  'a name as DICOM writes it': { patient_name: 'García^José' },
  'a rare name': { patient_name: 'zanquilun' },
  'the middle of a name': { q: 'enmar' },
  'a Cyrillic name': { q: 'шевченко' },
  ideographs: { q: '山田 太郎' },
  'an Arabic name': { q: 'حداد' },
  'the beginning of an identifier': { patient_id: '123' },
  'the end of an identifier': { q: '4711' },
  'a whole accession number': { accession_number: 'RAD20' },
  'the middle of an accession number': { accession_number: '0815' },
  'words of a description': { description: 'contrast chest' },
  'name and description in one field': { q: 'smith head' },
  'a modality': { modality: 'CT' },
  'several modalities': { modality: 'ct,MR' },
  'a sender by its AE title': { sender: 'mr3' },
  'a sender by its address': { sender: '192.0.2.12' },
  'a month of studies': { study_date_from: '2026-03-01', study_date_to: '2026-03-31' },
  'up to a day': { study_date_to: '20190101' },
  'received lately': { received_from: '2026-09-01T00:00:00Z' },
  'everything narrowed down': {
    q: 'an',
    modality: 'CT',
    study_date_from: '2024-01-01',
    sender: 'CT3',
    description: 'head',
  },
  'one letter': { q: 'a' },
  'nothing there is': { q: 'zzzzzz' },
  'text that looks like a pattern': { q: '.*(a+)+$ [a-z]{99}' },
  'as long as allowed': { q: 'ab '.repeat(85) },
};

function orthancId(text: string): string {
  const digest = createHash('sha1').update(text).digest('hex');
  return digest.match(/.{8}/g)?.join('-') ?? '';
}
