/** Brings the records of some resources in line with Orthanc, whatever happened to them there. */
import { forgetAnalyses } from '../analysis/forget.ts';
import type { Orthanc, Resource } from '../orthanc.ts';
import type { Store } from '../store/database.ts';
import type { SeriesTags } from '../store/documents.ts';
import {
  parentsOfInstances,
  removeInstances,
  writeInstances,
  writeParents,
  type ParentFields,
} from '../store/ledger.ts';
import type { Touched } from './cursor.ts';
import { instanceDocument, patientFields, seriesFields, studyFields, type SeriesParents } from './records.ts';

export interface Applied {
  readonly recorded: number;
  readonly removed: number;
}

/**
 * Reads the touched resources from Orthanc and writes their records and their parents'.
 *
 * A resource Orthanc no longer has loses its record. Instances are written before their parents are derived, so a crash
 * between leaves totals that the repetition mends. Safe to repeat.
 *
 * @throws OrthancError, MongoError
 */
export async function applyTouched(orthanc: Orthanc, store: Store, touched: Touched): Promise<Applied> {
  const instances = await orthanc.resources([...touched.instances]);
  const present = new Set(instances.map((it) => it.ID));
  const gone = [...touched.instances].filter((it) => !present.has(it));

  // Parents to derive anew: those named, those of the instances, and those of the instances which are gone.
  const orphaned = gone.length === 0 ? [] : await parentsOfInstances(store, gone);
  const parents = {
    series: new Set([
      ...touched.series,
      ...instances.flatMap((it) => it.ParentSeries ?? []),
      ...orphaned.map((it) => it.parent_series),
    ]),
    studies: new Set([...touched.studies, ...orphaned.map((it) => it.parent_study)]),
    patients: new Set([...touched.patients, ...orphaned.map((it) => it.parent_patient)]),
  };

  // Series first: each leads to its study, each study to its patient. What is recorded need not be read again.
  const known = new Map<string, SeriesParents>();
  const recordedSeries = await store.series
    .find({ _id: { $in: [...parents.series] } }, { projection: { parent_study: 1, parent_patient: 1 } })
    .toArray();
  for (const it of recordedSeries) {
    known.set(it._id, it);
    parents.studies.add(it.parent_study);
    parents.patients.add(it.parent_patient);
  }
  const seriesToRead = new Set([...touched.series, ...[...parents.series].filter((it) => !known.has(it))]);
  const readSeries = await orthanc.resources([...seriesToRead]);
  for (const it of readSeries) if (it.ParentStudy !== undefined) parents.studies.add(it.ParentStudy);

  const recordedStudies = await store.studies
    .find({ _id: { $in: [...parents.studies] } }, { projection: { parent_patient: 1 } })
    .toArray();
  const patientOfStudy = new Map(recordedStudies.map((it) => [it._id, it.parent_patient]));
  const studiesToRead = new Set([...touched.studies, ...[...parents.studies].filter((it) => !patientOfStudy.has(it))]);
  const readStudies = await orthanc.resources([...studiesToRead]);
  for (const it of readStudies) if (it.ParentPatient !== undefined) patientOfStudy.set(it.ID, it.ParentPatient);
  for (const it of patientOfStudy.values()) parents.patients.add(it);

  const recordedPatients = new Set(
    (await store.patients.find({ _id: { $in: [...parents.patients] } }, { projection: { _id: 1 } }).toArray()).map(
      (it) => it._id,
    ),
  );
  const patientsToRead = new Set([
    ...touched.patients,
    ...[...parents.patients].filter((it) => !recordedPatients.has(it)),
  ]);
  const readPatients = await orthanc.resources([...patientsToRead]);

  const series = new Map<string, SeriesTags>();
  for (const it of readSeries) {
    const patient = patientOfStudy.get(it.ParentStudy ?? '');
    if (patient === undefined) continue;
    const fields = seriesFields(it, patient);
    series.set(it.ID, fields);
    known.set(it.ID, fields);
  }
  const fields: ParentFields = {
    series,
    studies: new Map(readStudies.map((it) => [it.ID, studyFields(it)])),
    patients: new Map(readPatients.map((it) => [it.ID, patientFields(it)])),
  };

  // A series missing here was deleted between two reads, its instances with it: a later look removes what is left.
  const documents = instances.flatMap((it: Resource) => {
    const above = known.get(it.ParentSeries ?? '');
    return above === undefined ? [] : [instanceDocument(it, above)];
  });
  await writeInstances(store, documents);
  const removed = await removeInstances(store, gone);
  await forgetAnalyses(store, await writeParents(store, parents, fields));
  return { recorded: documents.length, removed };
}
