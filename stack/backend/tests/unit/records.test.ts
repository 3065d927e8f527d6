import { describe, expect, it } from 'vitest';
import {
  instanceDocument,
  normalize,
  orthancDate,
  seriesFields,
  studyFields,
  tagDate,
  tagInteger,
  tagText,
} from '../../src/delivery/records.ts';
import type { Resource } from '../../src/orthanc.ts';

const resource = (more: Partial<Resource>): Resource => ({
  ID: 'a4720e1c-e2e12fde-8dfa19de-161a2d8a-55e57f77',
  Type: 'Instance',
  MainDicomTags: {},
  PatientMainDicomTags: {},
  Metadata: {},
  ...more,
});

describe('normalize', () => {
  it.each([
    ['Buc^Jérôme', 'buc jerome'],
    ['Yamada^Tarou=山田^太郎=やまだ^たろう', 'yamada tarou 山田 太郎 やまた たろう'],
    ['ЛЮКСЕМБУРГ', 'люксембург'],
    ['  A\0B\tC  ', 'a b c'],
    ['^^^^', ''],
    ['ＡＢＣ１２３', 'abc123'],
    ['STRASSE', 'strasse'],
  ])('%j becomes %j', (value, expected) => {
    expect(normalize(value)).toBe(normalize(expected));
    expect(normalize(value)).toBe(normalize(normalize(value)));
  });

  it('takes accents from Latin letters', () => {
    expect(normalize('Buc^Jérôme')).toBe('buc jerome');
  });
});

describe('tags', () => {
  it('are null when missing, empty, padding or no text', () => {
    for (const value of [undefined, '', '   ', '\0', null, 5, {}, []]) expect(tagText({ a: value }, 'a')).toBeNull();
  });

  it('lose padding and NUL, and are cut when huge', () => {
    expect(tagText({ a: ' CT\0 ' }, 'a')).toBe('CT');
    expect(tagText({ a: 'x'.repeat(1_000_000) }, 'a')).toHaveLength(1024);
  });

  it.each([
    ['20260131', '20260131'],
    ['2026.01.31', '20260131'],
    ['20260230', null],
    ['20261301', null],
    ['2026', null],
    ['20260131-20260201', null],
    ['abcdefgh', null],
    [undefined, null],
  ])('date %j is %j', (value, expected) => {
    expect(tagDate({ a: value }, 'a')).toBe(expected);
  });

  it.each([
    ['1', 1],
    ['-3', -3],
    ['+7 ', 7],
    ['1.5', null],
    ['1e3', null],
    ['99999999999999999', null],
    ['', null],
  ])('integer string %j is %j', (value, expected) => {
    expect(tagInteger({ a: value }, 'a')).toBe(expected);
  });
});

describe('orthancDate', () => {
  it('reads UTC', () => {
    expect(orthancDate('20261123T211229')?.toISOString()).toBe('2026-11-23T21:12:29.000Z');
  });
  it.each(['', '20261123', '20261399T000000', 'x', null, 7])('refuses %j', (value) => {
    expect(orthancDate(value)).toBeNull();
  });
});

describe('records', () => {
  it('of an instance come from its metadata', () => {
    const document = instanceDocument(
      resource({
        ParentSeries: 's',
        FileSize: 3022,
        FileUuid: 'u',
        MainDicomTags: { SOPInstanceUID: '1.2.3', InstanceNumber: ' 4 ' },
        Metadata: {
          ReceptionDate: '20261123T211229',
          RemoteAET: 'CT1',
          RemoteIP: '192.0.2.1',
          CalledAET: 'ORTHANC',
          Origin: 'DicomProtocol',
          TransferSyntax: '1.2.840.10008.1.2.1',
          SopClassUid: '1.2.840.10008.5.1.4.1.1.2',
        },
      }),
      { parent_study: 't', parent_patient: 'p' },
    );
    expect(document).toEqual({
      _id: 'a4720e1c-e2e12fde-8dfa19de-161a2d8a-55e57f77',
      parent_series: 's',
      parent_study: 't',
      parent_patient: 'p',
      sop_instance_uid: '1.2.3',
      sop_class_uid: '1.2.840.10008.5.1.4.1.1.2',
      transfer_syntax_uid: '1.2.840.10008.1.2.1',
      instance_number: 4,
      number_of_frames: null,
      size_bytes: 3022,
      file_uuid: 'u',
      received_at: new Date('2026-11-23T21:12:29Z'),
      origin: 'DicomProtocol',
      remote_aet: 'CT1',
      remote_ip: '192.0.2.1',
      called_aet: 'ORTHANC',
    });
  });

  it('stand with all tags missing', () => {
    const study = studyFields(resource({ Type: 'Study' }));
    expect(study.patient_name).toBe('');
    expect(study.study_date).toBeNull();
    expect(study.search.patient_name).toBe('');
    expect(seriesFields(resource({ Type: 'Series' }), 'p').modality).toBeNull();
    const instance = instanceDocument(resource({}), { parent_study: 't', parent_patient: 'p' });
    expect(instance.received_at).toBeNull();
    expect(instance.size_bytes).toBe(0);
  });

  it('keep hostile text as text', () => {
    const study = studyFields(resource({ Type: 'Study', PatientMainDicomTags: { PatientName: '$where: {"$gt":""}' } }));
    expect(study.patient_name).toBe('$where: {"$gt":""}');
  });
});
