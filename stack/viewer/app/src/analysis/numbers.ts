/** Numbers of providers, as they are read. */

/** UCUM's unit of what has none. */
const NO_UNIT = '1';
const SIGNIFICANT_DIGITS = 4;

export function shortNumber(value: number, locale?: string): string {
  const size = Math.abs(value);
  const notation = size !== 0 && (size >= 1e7 || size < 1e-4) ? 'scientific' : 'standard';
  return new Intl.NumberFormat(locale, { maximumSignificantDigits: SIGNIFICANT_DIGITS, notation }).format(value);
}

export const shortUnit = (unit: string): string => (unit === NO_UNIT ? '' : unit);

/** A digest by its first digits: what two people can compare by eye. */
export const shortDigest = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 12);

export function seconds(value: number): string {
  return value < 60
    ? `${shortNumber(value)} s`
    : `${String(Math.floor(value / 60))} min ${String(Math.round(value % 60))} s`;
}
