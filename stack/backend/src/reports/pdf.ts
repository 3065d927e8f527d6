/**
 * A version of a report as PDF, on A4. The same version gives the same bytes each time.
 *
 * Text is text: nothing in it is read as markup. The font is inside the file; it has Latin, Greek, Cyrillic, Arabic and
 * Hebrew letters, and what it has not is marked and explained on the last page.
 */
import PDFDocument from 'pdfkit';
import bold from 'bytes:dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf';
import plain from 'bytes:dejavu-fonts-ttf/ttf/DejaVuSans.ttf';
import { linesOf, printable } from './lines.ts';
import type { StudySnapshot, VersionDocument } from './model.ts';
import { WORDS } from './words.ts';

const MARGIN = 56;
const FOOT = 48;
const SIZES = { title: 17, heading: 11.5, text: 10, small: 8 } as const;
const LINE = 1.4;
const LABEL_WIDTH = 140;
const MISSING = '\u25A1';
const GREY = '#555555';
const BLACK = '#000000';

type Weight = 'plain' | 'bold';
interface Style {
  readonly size: number;
  readonly weight?: Weight;
  readonly color?: string;
}
interface Place {
  readonly x: number;
  readonly width: number;
}

/** The font engine's look-up of a character, which the package's types do not tell. */
interface Glyphs {
  readonly _font: { readonly font: { hasGlyphForCodePoint(codePoint: number): boolean } };
}

/** Instants are told in UTC: the same on every machine. */
export const utc = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

const day = (date: string | null): string =>
  date !== null && /^\d{8}$/.test(date) ? `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}` : (date ?? '');

/** A person's name (VR PN, PS3.5 section 6.2.1.2) as it is read: each group, family name first. */
export function personName(value: string | null): string {
  const groups = (value ?? '').split('=').slice(0, 3);
  const names = groups.map((group) => {
    const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group.split('^').map((it) => it.trim());
    const rest = [prefix, given, middle].filter((it) => it !== '').join(' ');
    return [family, rest, suffix].filter((it) => it !== '').join(', ');
  });
  return [...new Set(names)].filter((it) => it !== '').join('  ');
}

export async function renderPdf(version: VersionDocument): Promise<Buffer> {
  const words = WORDS[version.language];
  const title = `${words.report}: ${version.title}`;
  const document = new PDFDocument({
    size: 'A4',
    margins: { top: MARGIN, bottom: MARGIN + FOOT, left: MARGIN, right: MARGIN },
    bufferPages: true,
    pdfVersion: '1.7',
    lang: version.language,
    displayTitle: true,
    // Any other default would be looked for beside the program.
    font: Buffer.from(plain) as unknown as string,
    info: { Title: printable(title), CreationDate: version.at, ModDate: version.at, Producer: 'orthancgen' },
  });
  const chunks: Buffer[] = [];
  const whole = new Promise<Buffer>((resolve, reject) => {
    document.on('data', (chunk: Buffer) => chunks.push(chunk));
    document.on('end', () => {
      resolve(Buffer.concat(chunks));
    });
    document.on('error', reject);
  });
  document.registerFont('plain', Buffer.from(plain)).registerFont('bold', Buffer.from(bold));
  new Sheet(document).write(version);
  document.end();
  return whole;
}

class Sheet {
  readonly #pdf: PDFKit.PDFDocument;
  readonly #full: Place;
  #y = MARGIN;
  #missing = false;

  constructor(pdf: PDFKit.PDFDocument) {
    this.#pdf = pdf;
    this.#full = { x: MARGIN, width: pdf.page.width - 2 * MARGIN };
  }

  write(version: VersionDocument): void {
    const words = WORDS[version.language];
    if (version.institution !== null) this.#block(version.institution, { size: SIZES.text, color: GREY });
    this.#block(version.title, { size: SIZES.title, weight: 'bold' });
    this.#block(words.state[version.state], { size: SIZES.heading, weight: 'bold' });
    if (version.state === 'preliminary') this.#block(words.notSigned, { size: SIZES.text });
    this.#space(8);
    this.#facts(version.study, words);
    for (const { title, fields } of version.sections) {
      this.#space(12);
      this.#block(title, { size: SIZES.heading, weight: 'bold' });
      for (const { label, text, confirmed } of fields) {
        const note = confirmed ? '' : ` (${words.unconfirmed})`;
        this.#space(3);
        this.#block(label + note, { size: SIZES.small, color: GREY });
        this.#block(text, { size: SIZES.text });
      }
    }
    this.#space(16);
    const { by, at, state, reason } = version;
    const author = state === 'preliminary' ? words.writtenBy : words.signedBy;
    this.#fact(words.version, `${String(version.version)}, ${words.state[state]}`);
    this.#fact(author, `${by}, ${utc(at)}`);
    if (reason !== null) this.#fact(words.reason, reason);
    if (this.#missing) {
      this.#space(8);
      this.#block(words.noGlyph, { size: SIZES.small, color: GREY });
    }
    this.#foot(version);
  }

  #facts(study: StudySnapshot, words: (typeof WORDS)['en']): void {
    this.#fact(words.patient, personName(study.patient_name));
    this.#fact(words.patientId, study.patient_id);
    this.#fact(words.born, day(study.patient_birth_date));
    this.#fact(words.sex, study.patient_sex ?? '');
    this.#fact(words.study, study.study_description ?? '');
    this.#fact(words.studyDate, day(study.study_date));
    this.#fact(words.accession, study.accession_number ?? '');
    this.#fact(words.referrer, personName(study.referring_physician_name));
    this.#fact('Study Instance UID', study.study_instance_uid);
  }

  #fact(label: string, value: string): void {
    if (value === '') return;
    this.#room(SIZES.text * LINE);
    const top = this.#y;
    this.#text(label, { size: SIZES.text, color: GREY }, { x: MARGIN, width: LABEL_WIDTH - 8 });
    const below = this.#y;
    this.#y = top;
    this.#text(value, { size: SIZES.text }, { x: MARGIN + LABEL_WIDTH, width: this.#full.width - LABEL_WIDTH });
    this.#y = Math.max(this.#y, this.#y < top ? this.#y : below);
  }

  #block(text: string, style: Style): void {
    this.#text(text, style, this.#full);
  }

  #text(text: string, style: Style, { x, width }: Place): void {
    const { size, weight = 'plain', color = BLACK } = style;
    const use = (): void => {
      this.#pdf.font(weight).fontSize(size).fillColor(color);
    };
    use();
    const lines = linesOf(this.#printed(text), width, (it) => this.#pdf.widthOfString(it));
    for (const { pieces } of lines) {
      if (this.#room(size * LINE)) use();
      for (const it of pieces) this.#pdf.text(it.text, x + it.x, this.#y, { lineBreak: false });
      this.#y += size * LINE;
    }
  }

  /** With what the font cannot draw replaced. */
  #printed(text: string): string {
    const { font } = (this.#pdf as unknown as Glyphs)._font;
    return Array.from(printable(text), (character) => {
      if (character === '\n' || font.hasGlyphForCodePoint(character.codePointAt(0) ?? 0)) return character;
      this.#missing = true;
      return MISSING;
    }).join('');
  }

  #space(points: number): void {
    this.#y += points;
  }

  /** Begins a new page where so much does not fit on this one. */
  #room(points: number): boolean {
    if (this.#y + points <= this.#pdf.page.height - MARGIN - FOOT) return false;
    this.#pdf.addPage();
    this.#y = MARGIN;
    return true;
  }

  /** On each page whose report it is, so that a lost page finds its way back. */
  #foot(version: VersionDocument): void {
    const words = WORDS[version.language];
    const { count } = this.#pdf.bufferedPageRange();
    for (let index = 0; index < count; index++) {
      this.#pdf.switchToPage(index);
      // Writing below the bottom margin would begin a new page.
      this.#pdf.page.margins.bottom = 0;
      this.#y = this.#pdf.page.height - MARGIN - SIZES.small * LINE;
      const { study, report_id } = version;
      const style = { size: SIZES.small, color: GREY };
      const patient = `${personName(study.patient_name).slice(0, 60)} (${study.patient_id.slice(0, 32)})`;
      const line = (text: string): void => {
        this.#pdf.font('plain').fontSize(style.size).fillColor(style.color);
        const [first] = linesOf(this.#printed(text), this.#full.width, (it) => this.#pdf.widthOfString(it));
        for (const it of first?.pieces ?? []) {
          this.#pdf.text(it.text, MARGIN + it.x, this.#y, { lineBreak: false });
        }
        this.#y += style.size * LINE;
      };
      line(patient);
      const page = `${words.page} ${String(index + 1)} ${words.of} ${String(count)}`;
      line(`${words.report} ${report_id}, ${words.version} ${String(version.version)}. ${page}`);
    }
  }
}
