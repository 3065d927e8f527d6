/**
 * What is done with reports.
 *
 * Every change is one conditional write of the report's own document, at the revision that was read; it is tried again
 * where another came first. What a new version has to be written into besides (its own record, the audit trail, the way
 * to Orthanc) is noted in the same write and finished afterwards, by whoever reads the report next if need be.
 */
import { ObjectId, type Filter } from 'mongodb';
import type { Role } from '../config.ts';
import { Problem } from '../http/problems.ts';
import type { PersonRole } from '../people/people.ts';
import { writeAudit, type AuditEvent } from '../store/audit.ts';
import type { Store } from '../store/database.ts';
import type { StudyDocument } from '../store/documents.ts';
import { instanceUid } from './identifiers.ts';
import { decide, situationOf, stateAfter } from './machine.ts';
import { merge, type Clash, type Save } from './merge.ts';
import {
  versionId,
  type ConflictDocument,
  type FieldValue,
  type OutboxDocument,
  type PresenceDocument,
  type ReportDocument,
  type VersionDocument,
} from './model.ts';
import { digestOf, offersOf, taken, type Offer } from './newer.ts';
import { prefill, suitable, type Prefilled, type PrefillSource } from './prefill.ts';
import { allow, changedMeanwhile, check, refuseWrong, sameAs, sectionsOf, snapshot, templateFor } from './rules.ts';
import { fieldsOf, suitableTemplate, templateOf, type Language, type Template } from './templates.ts';

export interface ReportsConfig {
  /** Whether signed versions go to Orthanc, into the study. */
  readonly storeToOrthanc: boolean;
  readonly language: Language;
  /** Whose report it is, as it is printed; null for nothing. */
  readonly institution: string | null;
}

/** A person at work, by their session: never by what a request says. */
export interface Person {
  readonly name: string;
  readonly role: PersonRole;
  readonly address: string;
}

/** What a page is told about a save: the report as it is now, and the texts that came too late. */
export interface Saved {
  readonly report: ReportDocument;
  readonly clashes: readonly Clash[];
}

/** How long somebody counts as being at work after the last sign. */
export const PRESENT_MILLISECONDS = 20_000;
const FORGET_MILLISECONDS = 60_000;
const MOST_EDITORS = 50;
const MOST_CONFLICTS = 50;
const MOST_SERIES = 500;
const TRIES = 8;
const NOTED_MILLISECONDS = 5 * 60_000;
const MOST_NOTED = 5_000;
const DUPLICATE_KEY = 11_000;

const EVENTS: Readonly<Record<VersionDocument['state'], AuditEvent>> = {
  preliminary: 'report_preliminary',
  signed: 'report_signed',
  amended: 'report_amended',
};

export class Reports {
  readonly #store: Store;
  readonly #config: ReportsConfig;
  readonly #sources: readonly PrefillSource[];
  readonly #onVersion: () => void;
  readonly #noted = new Map<string, number>();

  /** @param onVersion called when a version waits for its way to Orthanc */
  constructor(store: Store, config: ReportsConfig, onVersion: () => void, sources: readonly PrefillSource[] = []) {
    this.#store = store;
    this.#config = config;
    this.#sources = sources;
    this.#onVersion = onVersion;
  }

  /**
   * Begins a report. With an identifier the page chose, a repetition finds what the first call made.
   *
   * @throws Problem 404 or 409
   */
  async create(
    study: StudyDocument,
    wish: { readonly id: string; readonly template?: string | undefined; readonly language?: Language | undefined },
    person: Person,
    now: Date,
  ): Promise<ReportDocument> {
    const series = await this.#store.series
      .find({ parent_study: study._id })
      .sort({ series_number: 1, _id: 1 })
      .limit(MOST_SERIES)
      .toArray();
    const template = wish.template === undefined ? suitableTemplate(series) : templateOf(wish.template);
    if (template === null) throw new Problem(400, 'there is no such template');
    const others = await this.#given(study, template);
    const report: ReportDocument = {
      _id: wish.id,
      study_id: study._id,
      study_instance_uid: study.study_instance_uid,
      patient_id: study.patient_id,
      template: template.id,
      language: wish.language ?? this.#config.language,
      state: 'draft',
      amending: null,
      revision: 1,
      version: 0,
      fields: prefill(template, study, series, others),
      offered: Object.fromEntries(suitable(template, others).map((it) => [it.field, digestOf(it.value)])),
      created_by: person.name,
      created_at: now,
      changed_by: person.name,
      changed_at: now,
      pending: null,
    };
    const earlier = await this.#store.reports.findOne({ _id: wish.id });
    if (earlier !== null) return sameAs(earlier, report);
    await this.#audit('report_created', person, report, now);
    try {
      await this.#store.reports.insertOne(report);
      return report;
    } catch (error) {
      if ((error as { code?: unknown }).code !== DUPLICATE_KEY) throw error;
      return sameAs(await this.find(wish.id), report);
    }
  }

  /** @throws Problem 404 */
  async find(id: string): Promise<ReportDocument> {
    const report = await this.#store.reports.findOne({ _id: id });
    if (report === null) throw new Problem(404, 'there is no such report');
    return report.pending === null ? report : this.#finish(report);
  }

  /** The reports of a study which a role may know of, newest first. */
  async list(
    study: StudyDocument,
    role: Role,
    { limit, offset }: { readonly limit: number; readonly offset: number },
  ): Promise<{ total: number; reports: ReportDocument[] }> {
    const all = decide('read', role, 'draft') === 'allowed';
    const filter: Filter<ReportDocument> = { study_id: study._id, ...(all ? {} : { version: { $gte: 1 } }) };
    const [total, reports] = await Promise.all([
      this.#store.reports.countDocuments(filter),
      this.#store.reports.find(filter).sort({ created_at: -1, _id: 1 }).skip(offset).limit(limit).toArray(),
    ]);
    return { total, reports };
  }

  /**
   * Notes that somebody reads a report: once, when its parts are asked for one after the other.
   *
   * @throws MongoError: what cannot be written down is not shown
   */
  async noteRead(report: ReportDocument, person: Person, now: Date): Promise<void> {
    const key = `${report._id}:${person.address}:${person.name}`;
    if (now.getTime() - (this.#noted.get(key) ?? 0) < NOTED_MILLISECONDS) return;
    await this.#audit('report_read', person, report, now);
    if (this.#noted.size >= MOST_NOTED) this.#noted.clear();
    this.#noted.set(key, now.getTime());
  }

  /**
   * Saves fields of the text at work.
   *
   * Texts that clash are kept before anything else is done, and told.
   *
   * @throws Problem
   */
  async save(id: string, save: Save, resolved: readonly string[], person: Person, now: Date): Promise<Saved> {
    for (let count = 0; count < TRIES; count++) {
      const report = await this.find(id);
      check(templateFor(report), save.fields);
      if (decide('save', person.role, situationOf(report)) === 'state') await this.#keepLate(report, save, person, now);
      allow('save', person.role, report);
      const { changed, clashes } = merge(report.fields, report.revision, save, person.name, now);
      await this.#keep(report, clashes, save, person, now);
      const next = Object.keys(changed).length === 0 ? report : await this.#write(report, changed, person, now);
      if (next === null) continue;
      if (resolved.length > 0 && clashes.length === 0) await this.#resolve(id, resolved, person, now);
      return { report: next, clashes };
    }
    throw new Problem(503, 'too many change this report at once: try again');
  }

  /** Confirms values which nobody typed, as they stood at a revision. @throws Problem */
  async confirm(
    id: string,
    wish: { readonly revision: number; readonly fields: readonly string[] },
    person: Person,
    now: Date,
  ): Promise<ReportDocument> {
    for (let count = 0; count < TRIES; count++) {
      const report = await this.find(id);
      allow('confirm', person.role, report);
      const open = wish.fields.filter((it) => report.fields[it]?.confirmed === false);
      if (open.some((it) => (report.fields[it]?.revision ?? 0) > wish.revision)) throw changedMeanwhile();
      if (open.length === 0) return report;
      const changed = open.flatMap((it): [string, FieldValue][] => {
        const value = report.fields[it];
        // The text stays the same, so that a save by somebody who saw it before is no conflict.
        return value === undefined ? [] : [[it, { ...value, confirmed: true, by: person.name, at: now }]];
      });
      const next = await this.#write(report, Object.fromEntries(changed), person, now);
      if (next !== null) return next;
    }
    throw new Problem(503, 'too many change this report at once: try again');
  }

  /** Texts of analyses which came since the draft was begun, or since the last that were taken over or left out. */
  async newer(report: ReportDocument): Promise<Offer[]> {
    const study = await this.#store.studies.findOne({ _id: report.study_id });
    const template = templateOf(report.template);
    return study === null || template === null ? [] : offersOf(template, report, await this.#given(study, template));
  }

  /** Takes a newer text over, to be confirmed, or leaves it out: the one that was seen. @throws Problem */
  async settleNewer(
    id: string,
    wish: { readonly revision: number; readonly field: string; readonly digest: string; readonly take: boolean },
    person: Person,
    now: Date,
  ): Promise<ReportDocument> {
    const report = await this.find(id);
    allow('save', person.role, report);
    const offer = (await this.newer(report)).find((it) => it.field === wish.field);
    if (offer?.digest !== wish.digest) throw changedMeanwhile();
    if (wish.take && report.revision !== wish.revision) throw changedMeanwhile();
    const changed = wish.take ? { [wish.field]: taken(report, offer) } : {};
    const next = await this.#write(report, changed, person, now, { [`offered.${wish.field}`]: wish.digest });
    if (next === null) throw changedMeanwhile();
    return next;
  }

  /** Makes a version of exactly the text the person saw: the one at a revision. @throws Problem */
  async publish(
    action: 'preliminary' | 'sign',
    id: string,
    revision: number,
    person: Person,
    now: Date,
  ): Promise<ReportDocument> {
    const report = await this.find(id);
    allow(action, person.role, report);
    if (report.revision !== revision) throw changedMeanwhile();
    const template = templateFor(report);
    if (action === 'sign') await this.#ready(report, template);
    else refuseWrong(template, report);
    const study = await this.#store.studies.findOne({ _id: report.study_id });
    if (study === null) throw new Problem(409, 'the study of this report is not recorded any more');
    const state = stateAfter(action, situationOf(report));
    const number = report.version + 1;
    const version: VersionDocument = {
      _id: versionId(id, number),
      report_id: id,
      version: number,
      state,
      reason: report.amending?.reason ?? null,
      by: person.name,
      role: person.role,
      at: now,
      title: template.title[report.language],
      language: report.language,
      institution: this.#config.institution,
      study: snapshot(study),
      sections: sectionsOf(template, report),
    };
    const store = this.#config.storeToOrthanc && state !== 'preliminary';
    const pending = { version, store, address: person.address, audit_id: new ObjectId() };
    const next = await this.#store.reports.findOneAndUpdate(
      { _id: id, revision, pending: null },
      {
        $set: { state, version: number, amending: null, changed_by: person.name, changed_at: now, pending },
        $inc: { revision: 1 },
      },
      { returnDocument: 'after' },
    );
    if (next === null) throw changedMeanwhile();
    return this.#finish(next);
  }

  /** Opens a signed report for an amendment; what was signed stays as it is. @throws Problem */
  async amend(
    id: string,
    wish: { readonly revision: number; readonly reason: string },
    person: Person,
    now: Date,
  ): Promise<ReportDocument> {
    const report = await this.find(id);
    allow('amend', person.role, report);
    const amending = { reason: wish.reason, by: person.name, at: now };
    const next = await this.#store.reports.findOneAndUpdate(
      { _id: id, revision: wish.revision, pending: null },
      { $set: { amending, changed_by: person.name, changed_at: now }, $inc: { revision: 1 } },
      { returnDocument: 'after' },
    );
    if (next === null) throw changedMeanwhile();
    return next;
  }

  async versions(
    id: string,
    { limit, offset }: { readonly limit: number; readonly offset: number },
  ): Promise<{ total: number; versions: VersionDocument[] }> {
    const filter = { report_id: id };
    const [total, versions] = await Promise.all([
      this.#store.reportVersions.countDocuments(filter),
      this.#store.reportVersions.find(filter).sort({ version: -1 }).skip(offset).limit(limit).toArray(),
    ]);
    return { total, versions };
  }

  async version(id: string, number: number): Promise<VersionDocument | null> {
    return this.#store.reportVersions.findOne({ _id: versionId(id, number) });
  }

  /** How far versions are on their way to Orthanc; those that do not go there are left out. */
  async deliveries(versions: readonly string[]): Promise<Map<string, OutboxDocument>> {
    if (versions.length === 0) return new Map();
    const found = await this.#store.reportOutbox.find({ _id: { $in: [...versions] } }).toArray();
    return new Map(found.map((it) => [it._id, it]));
  }

  async conflicts(id: string): Promise<ConflictDocument[]> {
    const open = { report_id: id, resolved_at: null };
    return this.#store.draftConflicts.find(open).sort({ at: 1 }).limit(MOST_CONFLICTS).toArray();
  }

  /** A sign of life of a page in which somebody writes, and who else is there. @throws Problem */
  async presence(
    id: string,
    sign: { readonly editor: string; readonly field: string | null },
    person: Person,
    now: Date,
  ): Promise<{ report: ReportDocument; others: PresenceDocument[] }> {
    const report = await this.find(id);
    allow('save', person.role, report);
    const { editor, field } = sign;
    const expires_at = new Date(now.getTime() + FORGET_MILLISECONDS);
    await this.#store.reportPresence.updateOne(
      { _id: `${id}:${editor}` },
      { $set: { report_id: id, editor, user: person.name, field, at: now, expires_at } },
      { upsert: true },
    );
    return { report, others: (await this.editors(id, now)).filter((it) => it.editor !== editor) };
  }

  async editors(id: string, now: Date): Promise<PresenceDocument[]> {
    const since = new Date(now.getTime() - PRESENT_MILLISECONDS);
    return this.#store.reportPresence
      .find({ report_id: id, at: { $gte: since } })
      .sort({ user: 1 })
      .limit(MOST_EDITORS)
      .toArray();
  }

  async #given(study: StudyDocument, template: Template): Promise<Prefilled[]> {
    return (await Promise.all(this.#sources.map(async (it) => it(study, template)))).flat();
  }

  /** Writes fields at the next revision; null where another change came first. */
  async #write(
    report: ReportDocument,
    fields: Readonly<Record<string, FieldValue>>,
    person: Person,
    now: Date,
    more: Readonly<Record<string, string>> = {},
  ): Promise<ReportDocument | null> {
    const set = Object.fromEntries(Object.entries(fields).map(([key, value]) => [`fields.${key}`, value]));
    return this.#store.reports.findOneAndUpdate(
      { _id: report._id, revision: report.revision, pending: null },
      { $set: { ...set, ...more, changed_by: person.name, changed_at: now }, $inc: { revision: 1 } },
      { returnDocument: 'after' },
    );
  }

  /** Keeps texts that came too late. The same page's later text for the same clash takes the place of its earlier. */
  async #keep(report: ReportDocument, clashes: readonly Clash[], save: Save, person: Person, now: Date): Promise<void> {
    for (const { field, value, other } of clashes) {
      await this.#store.draftConflicts.updateOne(
        { _id: `${report._id}:${field}:${save.editor}:${String(other.revision)}` },
        {
          $set: { value, at: now, resolved_at: null, resolved_by: null },
          $setOnInsert: {
            report_id: report._id,
            field,
            by: person.name,
            editor: save.editor,
            other: other.value,
            other_by: other.by,
            other_revision: other.revision,
          },
        },
        { upsert: true },
      );
    }
  }

  /** A text that comes after the report was closed is kept beside it. */
  async #keepLate(report: ReportDocument, save: Save, person: Person, now: Date): Promise<void> {
    const none = { value: '', origin: null, confirmed: true, by: null, at: null, editor: null, sequence: 0 };
    const late = Object.entries(save.fields).flatMap(([field, value]): Clash[] => {
      const other = report.fields[field] ?? { ...none, revision: report.revision };
      return other.value === value ? [] : [{ field, value, other }];
    });
    await this.#keep(report, late, save, person, now);
  }

  async #resolve(id: string, conflicts: readonly string[], person: Person, now: Date): Promise<void> {
    await this.#store.draftConflicts.updateMany(
      { _id: { $in: [...conflicts] }, report_id: id, resolved_at: null },
      { $set: { resolved_at: now, resolved_by: person.name } },
    );
  }

  /** @throws Problem naming everything that stands in the way of a signature */
  async #ready(report: ReportDocument, template: Template): Promise<void> {
    refuseWrong(template, report);
    const what = fieldsOf(template).flatMap(({ id, required }) => {
      const value = report.fields[id];
      if (value?.confirmed === false) return [{ where: id, what: 'is not confirmed' }];
      return required && (value?.value ?? '').trim() === '' ? [{ where: id, what: 'must be filled in' }] : [];
    });
    for (const { field } of await this.conflicts(report._id)) {
      what.push({ where: field, what: 'has two texts, of which one must be chosen' });
    }
    if (what.length > 0) throw new Problem(409, 'the report cannot be signed yet', what);
  }

  /** Writes a new version wherever it still has to be. Each step may be repeated. */
  async #finish(report: ReportDocument): Promise<ReportDocument> {
    const { pending } = report;
    if (pending === null) return report;
    const { version, store, address, audit_id } = pending;
    const { _id, ...rest } = version;
    await this.#store.reportVersions.updateOne({ _id }, { $setOnInsert: rest }, { upsert: true });
    if (store) {
      const first = { report_id: report._id, state: 'waiting' as const, attempts: 0, next_at: version.at };
      const more = { last_error: null, stored_at: null, sop_instance_uid: instanceUid(_id) };
      await this.#store.reportOutbox.updateOne({ _id }, { $setOnInsert: { ...first, ...more } }, { upsert: true });
    }
    const person = { name: version.by, role: version.role, address };
    await this.#audit(EVENTS[version.state], person, report, version.at, audit_id);
    await this.#store.reports.updateOne({ _id: report._id, 'pending.audit_id': audit_id }, { $set: { pending: null } });
    if (store) this.#onVersion();
    return { ...report, pending: null };
  }

  async #audit(event: AuditEvent, person: Person, report: ReportDocument, at: Date, id?: ObjectId): Promise<void> {
    const { study_instance_uid, patient_id } = report;
    const { name: user, role, address } = person;
    const entry = { event, outcome: 'success', user, role, address, study_instance_uid, patient_id } as const;
    if (id === undefined) await writeAudit(this.#store.audit, entry, at);
    else await this.#store.audit.updateOne({ _id: id }, { $setOnInsert: { at, ...entry } }, { upsert: true });
  }
}
