/** The fixed words of a printed report, in each language. */
import type { VersionState } from './model.ts';
import type { Language } from './templates.ts';

interface Words {
  readonly patient: string;
  readonly patientId: string;
  readonly born: string;
  readonly sex: string;
  readonly study: string;
  readonly studyDate: string;
  readonly accession: string;
  readonly referrer: string;
  readonly state: Readonly<Record<VersionState, string>>;
  readonly notSigned: string;
  readonly signedBy: string;
  readonly writtenBy: string;
  readonly reason: string;
  readonly version: string;
  readonly page: string;
  readonly of: string;
  readonly unconfirmed: string;
  readonly noGlyph: string;
  readonly report: string;
}

export const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    patient: 'Patient',
    patientId: 'Patient ID',
    born: 'Born',
    sex: 'Sex',
    study: 'Study',
    studyDate: 'Date of the study',
    accession: 'Accession number',
    referrer: 'Referring physician',
    state: { preliminary: 'Preliminary report', signed: 'Signed report', amended: 'Amended report' },
    notSigned: 'This report is not signed.',
    signedBy: 'Signed by',
    writtenBy: 'Written by',
    reason: 'Reason of the amendment',
    version: 'Version',
    page: 'Page',
    of: 'of',
    unconfirmed: 'filled in automatically, not confirmed',
    noGlyph: '\u25A1 stands for a character that cannot be printed here; the whole text stands in the application.',
    report: 'Report',
  },
  de: {
    patient: 'Patient',
    patientId: 'Patienten-ID',
    born: 'Geboren',
    sex: 'Geschlecht',
    study: 'Untersuchung',
    studyDate: 'Untersuchungsdatum',
    accession: 'Auftragsnummer',
    referrer: 'Zuweisung durch',
    state: { preliminary: 'Vorläufiger Befund', signed: 'Unterschriebener Befund', amended: 'Berichtigter Befund' },
    notSigned: 'Dieser Befund ist nicht unterschrieben.',
    signedBy: 'Unterschrieben von',
    writtenBy: 'Geschrieben von',
    reason: 'Grund der Berichtigung',
    version: 'Fassung',
    page: 'Seite',
    of: 'von',
    unconfirmed: 'automatisch eingetragen, nicht bestätigt',
    noGlyph:
      '\u25A1 steht für ein Zeichen, das hier nicht gedruckt werden kann; der ganze Text steht in der Anwendung.',
    report: 'Befund',
  },
  fr: {
    patient: 'Patient',
    patientId: 'Identifiant du patient',
    born: 'Date de naissance',
    sex: 'Sexe',
    study: 'Examen',
    studyDate: 'Date de l’examen',
    accession: 'Numéro de demande',
    referrer: 'Médecin demandeur',
    state: { preliminary: 'Compte rendu provisoire', signed: 'Compte rendu signé', amended: 'Compte rendu rectifié' },
    notSigned: 'Ce compte rendu n’est pas signé.',
    signedBy: 'Signé par',
    writtenBy: 'Rédigé par',
    reason: 'Motif de la rectification',
    version: 'Version',
    page: 'Page',
    of: 'sur',
    unconfirmed: 'rempli automatiquement, non confirmé',
    noGlyph:
      '\u25A1 remplace un caractère qui ne peut être imprimé ici ; le texte entier se trouve dans l’application.',
    report: 'Compte rendu',
  },
};
