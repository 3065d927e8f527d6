/** Reports of studies: written, confirmed, signed, amended, read and printed. */
import { STATUS_CODES } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { PEOPLE_ROLES, type PersonRole } from '../../people/people.ts';
import type { Store } from '../../store/database.ts';
import type { StudyDocument } from '../../store/documents.ts';
import { decide, situationOf } from '../../reports/machine.ts';
import type { OutboxDocument, ReportDocument, VersionDocument } from '../../reports/model.ts';
import { versionId } from '../../reports/model.ts';
import { renderPdf } from '../../reports/pdf.ts';
import type { Person, Reports } from '../../reports/reports.ts';
import { allow, templateFor } from '../../reports/rules.ts';
import {
  amendBody,
  clashAnswer,
  confirmBody,
  createBody,
  draftBody,
  newerBody,
  presenceAnswer,
  presenceBody,
  reportAnswer,
  reportParams,
  reportSummary,
  revisionBody,
  templateAndReport,
  templateAnswer,
  versionAnswer,
  versionParams,
  versionsQuery,
} from '../../reports/schemas.ts';
import { TEMPLATES } from '../../reports/templates.ts';
import type { App } from '../app.ts';
import { iso } from '../present.ts';
import { Problem } from '../problems.ts';
import { ORTHANC_ID, pageOf, pageQuery, recordParams } from '../schemas.ts';

/** A save brings whole texts. */
const DRAFT_BYTES = 512 * 1024;
const MOST_ACTIONS = ['save', 'confirm', 'preliminary', 'sign', 'amend'] as const;

/**
 * Who does something with a report. A program has no hand to sign with, and leaves no person in the audit trail.
 *
 * @throws Problem 403
 */
function personOf({ identity, ip }: FastifyRequest): Person {
  if (identity?.session == null) throw new Problem(403, 'only a person who is logged in may do this');
  return { name: identity.session.user, role: identity.session.role, address: ip };
}

/** The role to look with: routes are open to people's roles alone, by session or by token. */
function roleOf({ identity }: FastifyRequest): PersonRole {
  const role = PEOPLE_ROLES.find((it) => it === identity?.role);
  if (role === undefined) throw new Problem(403, 'this is for people');
  return role;
}

export function reportRoutes(app: App, store: Store, reports: Reports): void {
  const tags = ['reports'];

  const studyOf = async (id: string): Promise<StudyDocument> => {
    const filter = ORTHANC_ID.test(id) ? { _id: id } : { study_instance_uid: id };
    const [study] = await store.studies.find(filter).sort({ _id: 1 }).limit(1).toArray();
    if (study === undefined) throw new Problem(404, 'no such study is recorded');
    return study;
  };

  /** The report as a role may see it. */
  const answer = async (report: ReportDocument, role: PersonRole): Promise<z.output<typeof reportAnswer>> => {
    const { _id, version } = report;
    const now = new Date();
    const situation = situationOf(report);
    const draft = decide('read_draft', role, situation) === 'allowed';
    const writing = draft && decide('save', role, situation) === 'allowed';
    const [subject, newest, deliveries, conflicts, editors, newer] = await Promise.all([
      store.studies.findOne({ _id: report.study_id }),
      version === 0 ? null : reports.version(_id, version),
      version === 0 ? new Map<string, OutboxDocument>() : reports.deliveries([versionId(_id, version)]),
      draft ? reports.conflicts(_id) : [],
      draft ? reports.editors(_id, now) : [],
      writing ? reports.newer(report) : [],
    ]);
    const may = Object.fromEntries(MOST_ACTIONS.map((it) => [it, decide(it, role, situation) === 'allowed']));
    return {
      ...presentReport(report),
      subject: subject === null ? null : presentSubject(subject),
      may: may as Record<(typeof MOST_ACTIONS)[number], boolean>,
      published: newest === null ? null : presentVersion(newest, deliveries),
      draft: !draft
        ? null
        : {
            revision: report.revision,
            fields: Object.fromEntries(
              Object.entries(report.fields).map(([key, { value, origin, confirmed, by, at, revision }]) => [
                key,
                { value, origin, confirmed, by, at: iso(at), revision },
              ]),
            ),
            conflicts: conflicts.map(({ _id: id, field, value, by, at, other, other_by }) => {
              return { id, field, value, by, at: iso(at), other, other_by };
            }),
            editors: editors.map(({ editor, user, field, at }) => ({ editor, user, field, at: iso(at) })),
            newer: newer.map(({ field, value, origin, digest, replaces }) => {
              return { field, value, origin, digest, replaces };
            }),
          },
    };
  };

  app.get(
    '/api/report-templates',
    {
      schema: { tags, summary: 'The templates', querystring: pageQuery, response: { 200: pageOf(templateAnswer) } },
    },
    async ({ query: { limit, offset } }) => {
      const items = TEMPLATES.slice(offset, offset + limit).map((it) => structuredClone(it));
      return { total: TEMPLATES.length, limit, offset, items };
    },
  );

  app.post(
    '/api/studies/:id/reports',
    {
      schema: {
        tags,
        summary: 'Begin a report',
        params: recordParams,
        body: createBody,
        response: { 201: templateAndReport },
      },
    },
    async (request, reply) => {
      const study = await studyOf(request.params.id);
      const person = personOf(request);
      const report = await reports.create(study, request.body, person, new Date());
      void reply.code(201);
      return { report: await answer(report, person.role), template: structuredClone(templateFor(report)) };
    },
  );

  app.get(
    '/api/studies/:id/reports',
    {
      schema: {
        tags,
        summary: "A study's reports, newest first",
        params: recordParams,
        querystring: pageQuery,
        response: { 200: pageOf(reportSummary) },
      },
    },
    async (request) => {
      const role = roleOf(request);
      const { limit, offset } = request.query;
      const study = await studyOf(request.params.id);
      const { total, reports: found } = await reports.list(study, role, { limit, offset });
      const deliveries = await reports.deliveries(found.map((it) => versionId(it._id, it.version)));
      const items = found.map((it) => ({
        ...presentReport(it),
        delivery: presentDelivery(deliveries.get(versionId(it._id, it.version))),
      }));
      return { total, limit, offset, items };
    },
  );

  app.get(
    '/api/reports/:id',
    {
      schema: { tags, summary: 'One report', params: reportParams, response: { 200: templateAndReport } },
    },
    async (request) => {
      const role = roleOf(request);
      const report = await reports.find(request.params.id);
      allow('read', role, report);
      if (request.identity?.session != null) await reports.noteRead(report, personOf(request), new Date());
      return { report: await answer(report, role), template: structuredClone(templateFor(report)) };
    },
  );

  app.put(
    '/api/reports/:id/draft',
    {
      bodyLimit: DRAFT_BYTES,
      schema: {
        tags,
        summary: 'Save fields of the text at work',
        params: reportParams,
        body: draftBody,
        response: { 200: reportAnswer, 409: clashAnswer },
      },
    },
    async (request, reply) => {
      await reports.find(request.params.id);
      const person = personOf(request);
      const { resolved, ...save } = request.body;
      const { report, clashes } = await reports.save(request.params.id, save, resolved, person, new Date());
      const now = await answer(report, person.role);
      if (clashes.length === 0) return now;
      void reply.code(409).type('application/problem+json');
      return {
        type: 'about:blank' as const,
        title: STATUS_CODES[409] ?? '',
        status: 409 as const,
        detail: 'somebody else changed the same text: both are kept',
        report: now,
        clashes: clashes.map(({ field, value, other }) => ({ field, value, other: other.value, other_by: other.by })),
      };
    },
  );

  app.post(
    '/api/reports/:id/confirm',
    {
      schema: {
        tags,
        summary: 'Confirm values that nobody typed',
        params: reportParams,
        body: confirmBody,
        response: { 200: reportAnswer },
      },
    },
    async (request) => {
      await reports.find(request.params.id);
      const person = personOf(request);
      return answer(await reports.confirm(request.params.id, request.body, person, new Date()), person.role);
    },
  );

  for (const action of ['preliminary', 'sign'] as const) {
    app.post(
      `/api/reports/:id/${action}`,
      {
        schema: {
          tags,
          summary: action === 'sign' ? 'Sign the text, as who is logged in' : 'Give the text to read, not signed',
          params: reportParams,
          body: revisionBody,
          response: { 200: reportAnswer },
        },
      },
      async (request) => {
        const { id } = request.params;
        await reports.find(id);
        const person = personOf(request);
        return answer(await reports.publish(action, id, request.body.revision, person, new Date()), person.role);
      },
    );
  }

  app.post(
    '/api/reports/:id/analyses',
    {
      schema: {
        tags,
        summary: 'Take over, or leave out, a text of analyses that came since',
        params: reportParams,
        body: newerBody,
        response: { 200: reportAnswer },
      },
    },
    async (request) => {
      await reports.find(request.params.id);
      const person = personOf(request);
      return answer(await reports.settleNewer(request.params.id, request.body, person, new Date()), person.role);
    },
  );

  app.post(
    '/api/reports/:id/amend',
    {
      schema: {
        tags,
        summary: 'Open a signed report for an amendment',
        params: reportParams,
        body: amendBody,
        response: { 200: reportAnswer },
      },
    },
    async (request) => {
      await reports.find(request.params.id);
      const person = personOf(request);
      return answer(await reports.amend(request.params.id, request.body, person, new Date()), person.role);
    },
  );

  app.post(
    '/api/reports/:id/presence',
    {
      schema: {
        tags,
        summary: 'A sign of life of a page in which a report is written',
        params: reportParams,
        body: presenceBody,
        response: { 200: presenceAnswer },
      },
    },
    async (request) => {
      await reports.find(request.params.id);
      const person = personOf(request);
      const { report, others } = await reports.presence(request.params.id, request.body, person, new Date());
      const { revision, state } = report;
      return {
        revision,
        state,
        others: others.map(({ editor, user, field, at }) => ({ editor, user, field, at: iso(at) })),
      };
    },
  );

  app.get(
    '/api/reports/:id/versions',
    {
      schema: {
        tags,
        summary: 'Every version, newest first',
        params: reportParams,
        querystring: versionsQuery,
        response: { 200: pageOf(versionAnswer) },
      },
    },
    async (request) => {
      const { limit, offset } = request.query;
      const report = await reports.find(request.params.id);
      allow('read', roleOf(request), report);
      if (request.identity?.session != null) await reports.noteRead(report, personOf(request), new Date());
      const { total, versions } = await reports.versions(report._id, { limit, offset });
      const deliveries = await reports.deliveries(versions.map((it) => it._id));
      return { total, limit, offset, items: versions.map((it) => presentVersion(it, deliveries)) };
    },
  );

  app.get(
    '/api/reports/:id/versions/:n/pdf',
    {
      schema: { tags, summary: 'A version as PDF', params: versionParams },
    },
    async (request, reply) => {
      const { id, n } = request.params;
      const report = await reports.find(id);
      allow('read', roleOf(request), report);
      const version = await reports.version(id, n);
      if (version === null) throw new Problem(404, 'there is no such version');
      if (request.identity?.session != null) await reports.noteRead(report, personOf(request), new Date());
      void reply
        .type('application/pdf')
        .header('content-disposition', `inline; filename="report-${id}-${String(n)}.pdf"`);
      return reply.send(await renderPdf(version));
    },
  );
}

function presentReport(it: ReportDocument): Omit<z.output<typeof reportSummary>, 'delivery'> {
  const { _id, study_id, study_instance_uid, template, language, state, version, amending, created_by, changed_by } =
    it;
  return {
    id: _id,
    study_id,
    study_instance_uid,
    template,
    title: TEMPLATES.find((one) => one.id === template)?.title[language] ?? template,
    language,
    state,
    version,
    amending: amending === null ? null : { ...amending, at: iso(amending.at) },
    created_by,
    created_at: iso(it.created_at),
    changed_by,
    changed_at: iso(it.changed_at),
  };
}

function presentSubject(it: StudyDocument): NonNullable<z.output<typeof reportAnswer>['subject']> {
  const { patient_name, patient_id, patient_birth_date, patient_sex } = it;
  const { study_date, study_description, accession_number } = it;
  const patient = { patient_name, patient_id, patient_birth_date, patient_sex };
  return { ...patient, study_date, study_description, accession_number };
}

function presentDelivery(it: OutboxDocument | undefined): z.output<typeof versionAnswer>['delivery'] {
  if (it === undefined) return null;
  const { state, attempts, last_error, stored_at, sop_instance_uid } = it;
  return { state, attempts, last_error, stored_at: iso(stored_at), sop_instance_uid };
}

function presentVersion(
  it: VersionDocument,
  deliveries: ReadonlyMap<string, OutboxDocument>,
): z.output<typeof versionAnswer> {
  const { version, state, reason, by, role, at, title, language, institution, sections } = it;
  return {
    ...{ version, state, reason, by, role, title, language, institution, sections },
    at: iso(at),
    delivery: presentDelivery(deliveries.get(it._id)),
  };
}
