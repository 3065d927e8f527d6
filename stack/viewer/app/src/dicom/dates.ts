/** Dates and times as DICOM writes them (VR DA, TM: PS3.5 section 6.2), without a time zone; and instants, with one. */

const formats = new Map<string, Intl.DateTimeFormat>();

/** Each of them once: making one takes longer than all dates of a page. */
function format(locale: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale ?? ''} ${JSON.stringify(options)}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat(locale, options);
  formats.set(key, known);
  return known;
}

/** A DA value as a date of the reader's language; what is no date is shown as it stands, nothing as a dash. */
export function dicomDate(value: string | null | undefined, locale?: string): string {
  const text = (value ?? '').trim();
  if (text === '') return '–';
  const [, year, month, day] = /^(\d{4})[.-]?(\d{2})[.-]?(\d{2})$/.exec(text) ?? [];
  if (year === undefined) return text;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const real = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  // A day has no time zone: it is written as the day that it is, wherever it is read.
  return real ? format(locale, { dateStyle: 'medium', timeZone: 'UTC' }).format(date) : text;
}

/** A TM value to the minute, as it was on the wall of the place of the examination. */
export function dicomTime(value: string | null | undefined): string {
  const [, hour, minute] = /^(\d{2}):?(\d{2})?/.exec((value ?? '').trim()) ?? [];
  return hour === undefined ? '' : `${hour}:${minute ?? '00'}`;
}

/** An instant in the reader's own time zone. */
export function instant(value: string | null | undefined, locale?: string): string {
  return written(value, locale, { dateStyle: 'medium', timeStyle: 'short' });
}

/** The day of an instant, and the time of that day, each for itself: a narrow column has them below each other. */
export function dayOf(value: string | null | undefined, locale?: string): string {
  return written(value, locale, { dateStyle: 'medium' });
}

export function timeOf(value: string | null | undefined, locale?: string): string {
  return value == null ? '' : written(value, locale, { timeStyle: 'short' });
}

function written(
  value: string | null | undefined,
  locale: string | undefined,
  options: Intl.DateTimeFormatOptions,
): string {
  const date = new Date(value ?? '');
  return Number.isNaN(date.getTime()) ? '–' : format(locale, options).format(date);
}

/** Age in years on the day of the study, where both days are known. */
export function ageAt(birth: string | null, study: string | null): number | null {
  if (birth === null || study === null || !/^\d{8}$/.test(birth) || !/^\d{8}$/.test(study)) return null;
  const years = Number(study.slice(0, 4)) - Number(birth.slice(0, 4)) - (study.slice(4) < birth.slice(4) ? 1 : 0);
  return years >= 0 && years < 150 ? years : null;
}

/** Bytes for people: binary units (IEC 80000-13). */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  const scaled = value / 1024 ** power;
  return `${scaled >= 100 || power === 0 ? String(Math.round(scaled)) : scaled.toFixed(1)} ${units[power] ?? ''}`;
}
