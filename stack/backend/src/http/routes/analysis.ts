/** Analyses: who can make them, what they gave, and the queue. */
import { enqueueAgain, restart } from '../../analysis/jobs.ts';
import type { JobDocument, ResultDocument } from '../../analysis/documents.ts';
import { imagesOf } from '../../analysis/images.ts';
import { ProviderError, type Provider } from '../../analysis/provider.ts';
import type { AnalysisRunner } from '../../analysis/runner.ts';
import {
  jobAnswer,
  jobParams,
  jobQuery,
  providersAnswer,
  resultQuery,
  resultsAnswer,
  wishBody,
  type JobAnswer,
  type ResultAnswer,
} from '../../analysis/schemas.ts';
import { writeAudit } from '../../store/audit.ts';
import type { Store } from '../../store/database.ts';
import type { StudyDocument } from '../../store/documents.ts';
import type { App } from '../app.ts';
import { iso } from '../present.ts';
import { Problem } from '../problems.ts';
import { ORTHANC_ID, pageOf, recordParams } from '../schemas.ts';
import type { z } from 'zod';

/** Jobs that a study's answer tells of. */
const JOBS_OF_A_STUDY = 20;

/** @param runner null where nothing is analysed; what was, stays readable */
export function analysisRoutes(app: App, store: Store, runner: AnalysisRunner | null): void {
  const tags = ['analysis'];

  app.get(
    '/api/providers',
    { schema: { tags, summary: 'Who can analyse, as they say themselves', response: { 200: providersAnswer } } },
    async () => ({
      providers: await Promise.all([...(runner?.providers.values() ?? [])].map(async (it) => about(it, runner))),
      store_sr: runner?.storesReports ?? false,
    }),
  );

  app.get(
    '/api/studies/:id/analyses',
    {
      schema: {
        tags,
        summary: "A study's results, newest first, and its newest jobs",
        params: recordParams,
        querystring: resultQuery,
        response: { 200: resultsAnswer },
      },
    },
    async ({ params, query: { limit, offset } }) => {
      const study = await studyOf(store, params.id);
      const filter = { study: study._id };
      const [total, results, jobs] = await Promise.all([
        store.analysisResults.countDocuments(filter),
        store.analysisResults.find(filter).sort({ at: -1, _id: 1 }).skip(offset).limit(limit).toArray(),
        store.analysisJobs.find(filter).sort({ updated_at: -1 }).limit(JOBS_OF_A_STUDY).toArray(),
      ]);
      return { total, limit, offset, items: results.map(presentResult), jobs: jobs.map(presentJob) };
    },
  );

  app.post(
    '/api/studies/:id/analyses',
    {
      schema: {
        tags,
        summary: 'Have a study analysed, again if it was',
        params: recordParams,
        body: wishBody,
        response: { 202: jobAnswer },
      },
    },
    async ({ params, body, identity, ip }, reply) => {
      const study = await studyOf(store, params.id);
      if (runner?.providers.has(body.provider) !== true) throw new Problem(422, 'there is no such provider');
      const images = await imagesOf(store, study);
      if (images === null) throw new Problem(422, 'the study holds no image');
      const by = identity?.name ?? 'unknown';
      await writeAudit(
        store.audit,
        {
          event: 'analysis_requested',
          outcome: 'success',
          user: by,
          role: identity?.role ?? null,
          address: ip,
          study_instance_uid: study.study_instance_uid,
          patient_id: study.patient_id,
        },
        new Date(),
      );
      const wish = {
        study: study._id,
        study_instance_uid: study.study_instance_uid,
        provider: body.provider,
        signature: images.signature,
        requested_by: by,
      };
      const job = await enqueueAgain(store.analysisJobs, wish, new Date());
      runner.wake(body.provider);
      return reply.code(202).send(presentJob(job));
    },
  );

  app.get(
    '/api/analyses',
    {
      schema: {
        tags,
        summary: 'The queue, newest change first',
        querystring: jobQuery,
        response: { 200: pageOf(jobAnswer) },
      },
    },
    async ({ query: { limit, offset, state } }) => {
      const filter = state === undefined ? {} : { state };
      const [total, jobs] = await Promise.all([
        store.analysisJobs.countDocuments(filter),
        store.analysisJobs.find(filter).sort({ updated_at: -1, _id: 1 }).skip(offset).limit(limit).toArray(),
      ]);
      return { total, limit, offset, items: jobs.map(presentJob) };
    },
  );

  app.post(
    '/api/analyses/:id/retry',
    {
      schema: {
        tags,
        summary: 'Have a dead, failed or finished job done again from the start',
        params: jobParams,
        response: { 202: jobAnswer },
      },
    },
    async ({ params, identity }, reply) => {
      const again = await restart(store.analysisJobs, params.id, identity?.name ?? 'unknown', new Date());
      const job = await store.analysisJobs.findOne({ _id: params.id });
      if (job === null) throw new Problem(404, 'there is no such job');
      if (!again) throw new Problem(409, `the job is ${job.state}: it is being done already`);
      runner?.wake(job.provider);
      return reply.code(202).send(presentJob(job));
    },
  );
}

type ProviderAnswer = z.output<typeof providersAnswer>['providers'][number];

async function about(provider: Provider, runner: AnalysisRunner | null): Promise<ProviderAnswer> {
  const it = { id: provider.id, on_arrival: runner?.onArrival.includes(provider.id) ?? false };
  try {
    return { ...it, reachable: true, problem: null, card: await provider.card() };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return { ...it, reachable: false, problem: error.message, card: null };
  }
}

/** @throws Problem 404 */
async function studyOf(store: Store, id: string): Promise<StudyDocument> {
  const filter = ORTHANC_ID.test(id) ? { _id: id } : { study_instance_uid: id };
  const study = await store.studies.findOne(filter, { sort: { _id: 1 } });
  if (study === null) throw new Problem(404, 'no such study is recorded');
  return study;
}

function presentJob(it: JobDocument): JobAnswer {
  return {
    id: it._id,
    study: it.study,
    study_instance_uid: it.study_instance_uid,
    provider: it.provider,
    state: it.state,
    requested_by: it.requested_by,
    created_at: iso(it.created_at),
    updated_at: iso(it.updated_at),
    next_try_at: it.state === 'queued' || it.state === 'failed' ? iso(it.run_after) : null,
    attempts: it.attempts,
    last_error: it.last_error,
    result: it.result,
  };
}

function presentResult({ _id, at, provider, analysis, sr_sop_instance_uid }: ResultDocument): ResultAnswer {
  return { id: _id, at: at.toISOString(), provider, ...analysis, sr_sop_instance_uid };
}
