/**
 * Text as lines of a given width, each a row of pieces with their places, for scripts of both directions.
 *
 * Order on a line is that of the Unicode bidirectional algorithm (UAX 9); the shapes of letters and their order inside
 * a piece are the font engine's work.
 */
import bidiFactory, { type Bidi } from 'bidi-js';

export interface Piece {
  readonly text: string;
  /** From the line's left end. */
  readonly x: number;
}
export interface Line {
  readonly pieces: readonly Piece[];
}

type Measure = (text: string) => number;
interface Token {
  readonly start: number;
  readonly text: string;
  readonly width: number;
  readonly blank: boolean;
}

// The package is CommonJS and its types say otherwise: what it exports is the factory itself.
const bidi = (bidiFactory as unknown as () => Bidi)();
const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;
/** Characters that reorder what is read around them have no place in a report that is signed. */
const ORDERING = /[\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\uFEFF]/gu;

/** Text as it is printed: composed letters, no marks of direction, no control characters but ends of lines. */
export function printable(text: string): string {
  return text
    .normalize('NFC')
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll('\t', '    ')
    .split('\n')
    .map((it) => it.replace(ORDERING, '').replace(UNPRINTABLE, '\uFFFD'))
    .join('\n');
}

/** The lines of a text that was made {@link printable}. */
export function linesOf(text: string, width: number, measure: Measure): Line[] {
  return text.split('\n').flatMap((it) => paragraph(it, width, measure));
}

function paragraph(text: string, width: number, measure: Measure): Line[] {
  if (text.trim() === '') return [{ pieces: [] }];
  const levels = RIGHT_TO_LEFT.test(text) ? bidi.getEmbeddingLevels(text, 'auto') : null;
  const lines: Line[] = [];
  let row: Token[] = [];
  let used = 0;
  const end = (): void => {
    while (row.at(-1)?.blank === true) row.pop();
    lines.push(placed(text, row, levels, width, measure));
    row = [];
    used = 0;
  };
  for (const token of tokens(text, levels?.levels ?? null, width, measure)) {
    if (used + token.width > width && !token.blank && row.length > 0) end();
    if (token.blank && row.length === 0 && lines.length > 0) continue;
    row.push(token);
    used += token.width;
  }
  if (row.length > 0) end();
  return lines;
}

/** Words and blanks, cut where the direction changes, and where one word is wider than a line. */
function tokens(text: string, levels: Uint8Array | null, width: number, measure: Measure): Token[] {
  const found: Token[] = [];
  let start = 0;
  const isBlank = (index: number): boolean => text[index] === ' ';
  for (let index = 1; index <= text.length; index++) {
    const same = index < text.length && isBlank(index) === isBlank(start) && levels?.[index] === levels?.[start];
    if (same) continue;
    const part = text.slice(start, index);
    const whole = measure(part);
    if (whole <= width) found.push({ start, text: part, width: whole, blank: isBlank(start) });
    else found.push(...cut(part, start, width, measure));
    start = index;
  }
  return found;
}

function cut(text: string, start: number, width: number, measure: Measure): Token[] {
  const found: Token[] = [];
  let [from, at, used] = [0, 0, 0];
  for (const character of text) {
    const wide = measure(character);
    if (used + wide > width && at > from) {
      found.push({ start: start + from, text: text.slice(from, at), width: used, blank: false });
      [from, used] = [at, 0];
    }
    at += character.length;
    used += wide;
  }
  found.push({ start: start + from, text: text.slice(from), width: used, blank: false });
  return found;
}

type Levels = ReturnType<typeof bidi.getEmbeddingLevels>;

function placed(text: string, row: readonly Token[], levels: Levels | null, width: number, measure: Measure): Line {
  const first = row[0];
  const last = row.at(-1);
  if (first === undefined || last === undefined) return { pieces: [] };
  if (levels === null) return { pieces: [{ text: row.map((it) => it.text).join(''), x: 0 }] };
  const order = bidi.getReorderedIndices(text, levels, first.start, last.start + last.text.length - 1);
  const position = new Map(order.map((index, place) => [index, place]));
  const leftmost = (it: Token): number =>
    Math.min(position.get(it.start) ?? 0, position.get(it.start + it.text.length - 1) ?? 0);
  const mirrored = bidi.getMirroredCharactersMap(text, levels.levels, first.start, last.start + last.text.length - 1);
  const pieces = row
    .toSorted((a, b) => leftmost(a) - leftmost(b))
    .map(({ start, text: part }) =>
      part.replace(/[^]/gu, (character, at: number) => mirrored.get(start + at) ?? character),
    );
  const total = pieces.reduce((sum, it) => sum + measure(it), 0);
  let x = levels.paragraphs[0]?.level === 1 ? width - total : 0;
  return {
    pieces: pieces.map((piece) => {
      const at = x;
      x += measure(piece);
      return { text: piece, x: at };
    }),
  };
}
