/**
 * Names of persons as DICOM writes them (VR PN, PS3.5 section 6.2.1.2): up to three groups, separated by `=`,
 * alphabetic, ideographic and phonetic; in each, family, given and middle name, prefix and suffix, separated by `^`.
 */

export interface PersonName {
  /** As it is read: the ideographic group where there is one, else the alphabetic. */
  readonly main: string;
  /** The other groups, where they say something else. */
  readonly others: readonly string[];
}

/** A name to be shown; an empty one has an empty `main`. */
export function personName(value: string | null | undefined): PersonName {
  const groups = (value ?? '').split('=').slice(0, 3).map(readable);
  const [alphabetic = '', ideographic = '', phonetic = ''] = groups;
  const order = ideographic === '' ? [alphabetic, phonetic] : [ideographic, alphabetic, phonetic];
  const shown = order.filter((it, index) => it !== '' && order.indexOf(it) === index);
  return { main: shown[0] ?? '', others: shown.slice(1) };
}

/** Family name first, as lists are sorted: `Family, Prefix Given Middle, Suffix`. */
function readable(group: string): string {
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group
    .split('^')
    .map((it) => it.replace(/[\p{Cc}\p{Cf}]/gu, '').trim());
  const rest = [prefix, given, middle].filter((it) => it !== '').join(' ');
  return [family, rest, suffix].filter((it) => it !== '').join(', ');
}
