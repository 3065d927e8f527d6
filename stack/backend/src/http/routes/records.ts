/** Patients, studies, series and instances, to be searched and read. */
import type { FastifyRequest } from 'fastify';
import type { Collection, Filter, Sort } from 'mongodb';
import type { Found } from '../../catalogue/catalogue.ts';
import type { CatalogueKeeper } from '../../catalogue/keeper.ts';
import { writeAudit } from '../../store/audit.ts';
import type { Store } from '../../store/database.ts';
import type { StudyDocument } from '../../store/documents.ts';
import { patientFilter, patientSort, studyFilter, studySort } from '../../store/search.ts';
import type { App } from '../app.ts';
import { presentInstance, presentPatient, presentSeries, presentStudy } from '../present.ts';
import { Problem } from '../problems.ts';
import {
  instanceAnswer,
  instanceQuery,
  ORTHANC_ID,
  pageOf,
  pageQuery,
  patientAnswer,
  patientParams,
  patientQuery,
  recordParams,
  seriesAnswer,
  studyAnswer,
  studyQuery,
} from '../schemas.ts';

interface Page<T> {
  total: number;
  limit: number;
  offset: number;
  items: T[];
}

async function page<D extends { _id: string }, T>(
  collection: Collection<D>,
  filter: Filter<D>,
  sort: Sort,
  { limit, offset }: { limit: number; offset: number },
  present: (document: D) => T,
): Promise<Page<T>> {
  const [total, documents] = await Promise.all([
    collection.countDocuments(filter),
    collection.find(filter).sort(sort).skip(offset).limit(limit).toArray(),
  ]);
  return { total, limit, offset, items: documents.map((it) => present(it as unknown as D)) };
}

/** What was found may be removed before it is read: then it is looked for again. */
const TRIES = 3;

/** A page of what the catalogue found; null where the database must be searched. */
async function listed<D extends { _id: string }, T>(
  collection: Collection<D>,
  catalogue: CatalogueKeeper,
  search: () => Promise<Found | null>,
  { limit, offset }: { limit: number; offset: number },
  present: (document: D) => T,
): Promise<Page<T> | null> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const found = await search();
    if (found === null) return null;
    const { total, ids } = found;
    const filter = { _id: { $in: [...ids] } } as unknown as Filter<D>;
    const documents = ids.length === 0 ? [] : await collection.find(filter).toArray();
    const byId = new Map(documents.map((it) => [it._id as unknown as string, it as unknown as D]));
    const items = ids.flatMap((id) => byId.get(id) ?? []);
    if (items.length === ids.length) return { total, limit, offset, items: items.map(present) };
  }
  catalogue.distrust();
  return null;
}

/** The record with Orthanc's identifier, else the first with the DICOM one. @throws Problem 404 */
async function one<D extends { _id: string }>(
  collection: Collection<D>,
  id: string,
  uidField: string,
  what: string,
): Promise<D> {
  const filter = (ORTHANC_ID.test(id) ? { _id: id } : { [uidField]: id }) as unknown as Filter<D>;
  const found = await collection.find(filter).sort({ _id: 1 }).limit(1).toArray();
  if (found[0] === undefined) throw new Problem(404, `no such ${what} is recorded`);
  return found[0] as unknown as D;
}

/** @throws MongoError: a study whose opening cannot be written down is not shown. */
async function noteOpened(store: Store, request: FastifyRequest, study: StudyDocument): Promise<void> {
  const { identity, ip } = request;
  if (identity?.session == null) return;
  await writeAudit(
    store.audit,
    {
      event: 'study_opened',
      outcome: 'success',
      user: identity.name,
      role: identity.role,
      address: ip,
      study_instance_uid: study.study_instance_uid,
      patient_id: study.patient_id,
    },
    new Date(),
  );
}

export function recordRoutes(app: App, store: Store, catalogue: CatalogueKeeper, stableSeconds: number): void {
  const tags = ['records'];

  app.get(
    '/api/patients',
    {
      schema: { tags, summary: 'Search patients', querystring: patientQuery, response: { 200: pageOf(patientAnswer) } },
    },
    async ({ query }) =>
      (await listed(store.patients, catalogue, async () => catalogue.patients(query), query, presentPatient)) ??
      page(store.patients, patientFilter(query), patientSort(query), query, presentPatient),
  );

  app.get(
    '/api/patients/:id',
    {
      schema: { tags, summary: 'One patient', params: patientParams, response: { 200: patientAnswer } },
    },
    async ({ params }) => presentPatient(await one(store.patients, params.id, 'patient_id', 'patient')),
  );

  app.get(
    '/api/patients/:id/studies',
    {
      schema: {
        tags,
        summary: "A patient's studies",
        params: patientParams,
        querystring: pageQuery,
        response: { 200: pageOf(studyAnswer) },
      },
    },
    async ({ params, query }) => {
      const patient = await one(store.patients, params.id, 'patient_id', 'patient');
      const now = new Date();
      return page(store.studies, { parent_patient: patient._id }, { study_date: -1, _id: 1 }, query, (it) =>
        presentStudy(it, now, stableSeconds),
      );
    },
  );

  app.get(
    '/api/studies',
    {
      schema: { tags, summary: 'Search studies', querystring: studyQuery, response: { 200: pageOf(studyAnswer) } },
    },
    async ({ query }) => {
      const now = new Date();
      const present = (it: StudyDocument): ReturnType<typeof presentStudy> => presentStudy(it, now, stableSeconds);
      return (
        (await listed(store.studies, catalogue, async () => catalogue.studies(query), query, present)) ??
        page(store.studies, studyFilter(query), studySort(query), query, present)
      );
    },
  );

  app.get(
    '/api/studies/:id',
    {
      schema: { tags, summary: 'One study', params: recordParams, response: { 200: studyAnswer } },
    },
    async (request) => {
      const study = await one(store.studies, request.params.id, 'study_instance_uid', 'study');
      await noteOpened(store, request, study);
      return presentStudy(study, new Date(), stableSeconds);
    },
  );

  app.get(
    '/api/studies/:id/series',
    {
      schema: {
        tags,
        summary: "A study's series",
        params: recordParams,
        querystring: pageQuery,
        response: { 200: pageOf(seriesAnswer) },
      },
    },
    async ({ params, query }) => {
      const study = await one(store.studies, params.id, 'study_instance_uid', 'study');
      return page(store.series, { parent_study: study._id }, { series_number: 1, _id: 1 }, query, presentSeries);
    },
  );

  app.get(
    '/api/series/:id',
    {
      schema: { tags, summary: 'One series', params: recordParams, response: { 200: seriesAnswer } },
    },
    async ({ params }) => presentSeries(await one(store.series, params.id, 'series_instance_uid', 'series')),
  );

  app.get(
    '/api/series/:id/instances',
    {
      schema: {
        tags,
        summary: "A series' instances",
        params: recordParams,
        querystring: pageQuery,
        response: { 200: pageOf(instanceAnswer) },
      },
    },
    async ({ params, query }) => {
      const series = await one(store.series, params.id, 'series_instance_uid', 'series');
      return page(
        store.instances,
        { parent_series: series._id },
        { instance_number: 1, _id: 1 },
        query,
        presentInstance,
      );
    },
  );

  app.get(
    '/api/instances',
    {
      schema: {
        tags,
        summary: 'The instances with a SOPInstanceUID',
        querystring: instanceQuery,
        response: { 200: pageOf(instanceAnswer) },
      },
    },
    async ({ query }) =>
      page(store.instances, { sop_instance_uid: query.sop_instance_uid }, { _id: 1 }, query, presentInstance),
  );

  app.get(
    '/api/instances/:id',
    {
      schema: { tags, summary: 'One instance', params: recordParams, response: { 200: instanceAnswer } },
    },
    async ({ params }) => presentInstance(await one(store.instances, params.id, 'sop_instance_uid', 'instance')),
  );
}
