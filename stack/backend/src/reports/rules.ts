/** What a report must be for something to be done with it, and what a version is made of. */
import type { Role } from '../config.ts';
import { Problem } from '../http/problems.ts';
import type { StudyDocument } from '../store/documents.ts';
import { decide, situationOf, type Action } from './machine.ts';
import type { ReportDocument, Section, StudySnapshot } from './model.ts';
import { fieldsOf, readable, templateOf, violationOf, type Template } from './templates.ts';

/** @throws Problem 403 or 409 */
export function allow(action: Action, role: Role, report: ReportDocument): void {
  const decision = decide(action, role, situationOf(report));
  if (decision === 'role') throw new Problem(403, `the role ${role} may not do this`);
  if (decision === 'allowed') return;
  if (action === 'read') throw new Problem(404, 'there is no such report');
  const how = report.amending === null ? report.state : 'being amended';
  throw new Problem(409, `the report is ${how}: ${role === 'radiologist' ? '' : `as ${role} `}this cannot be done now`);
}

export const changedMeanwhile = (): Problem => new Problem(409, 'the report has changed since: read it again first');

export function templateFor(report: ReportDocument): Template {
  const template = templateOf(report.template);
  if (template === null) throw new Problem(409, `this release has no template ${report.template}`);
  return template;
}

export function sameAs(earlier: ReportDocument, wanted: ReportDocument): ReportDocument {
  const same = earlier.study_id === wanted.study_id && earlier.created_by === wanted.created_by;
  if (!same) throw new Problem(409, 'another report has this identifier');
  return earlier;
}

/**
 * Half a number is no mistake while it is being typed: what a text says is looked at when a version is made of it.
 *
 * @throws Problem 400 naming each field that is not of the template
 */
export function check(template: Template, texts: Readonly<Record<string, string>>): void {
  const fields = new Set(fieldsOf(template).map((it) => it.id));
  const unknown = Object.keys(texts).filter((it) => !fields.has(it));
  if (unknown.length === 0) return;
  throw new Problem(
    400,
    'the report has no such field',
    unknown.map((where) => ({ where, what: 'is no field of the template' })),
  );
}

/** @throws Problem 409 naming each field whose text is not what the field is for */
export function refuseWrong(template: Template, { fields }: ReportDocument): void {
  const wrong = fieldsOf(template).flatMap((field) => {
    const what = violationOf(field, fields[field.id]?.value.trim() ?? '');
    return what === null ? [] : [{ where: field.id, what }];
  });
  if (wrong.length > 0) throw new Problem(409, 'the report is not valid yet', wrong);
}

export function snapshot(it: StudyDocument): StudySnapshot {
  return {
    study_id: it._id,
    study_instance_uid: it.study_instance_uid,
    patient_id: it.patient_id,
    patient_name: it.patient_name,
    patient_birth_date: it.patient_birth_date,
    patient_sex: it.patient_sex,
    study_date: it.study_date,
    study_time: it.study_time,
    dicom_study_id: it.study_id,
    study_description: it.study_description,
    accession_number: it.accession_number,
    referring_physician_name: it.referring_physician_name,
  };
}

/** The filled fields, as they are read. */
export function sectionsOf(template: Template, { fields, language }: ReportDocument): Section[] {
  return template.sections.flatMap(({ title, fields: all }) => {
    const filled = all.flatMap((field) => {
      const value = fields[field.id];
      if (value === undefined || value.value.trim() === '') return [];
      const { confirmed, origin } = value;
      const text = readable(field, value.value, language);
      return [{ id: field.id, label: field.label[language], text, confirmed, origin }];
    });
    return filled.length === 0 ? [] : [{ title: title[language], fields: filled }];
  });
}
