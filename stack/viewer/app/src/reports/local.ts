/**
 * What was typed and is not yet with the server, kept in this browser: it outlives a reload, a crash of the browser and
 * a server that is away. It goes when the server has it.
 *
 * Each page has an entry of its own, held by a lock as long as the page lives; a page that opens later takes over what
 * a page that is gone has left behind (Web Locks, https://www.w3.org/TR/web-locks/).
 */

export interface Kept {
  readonly editor: string;
  /** How many saves the page had made. */
  readonly sequence: number;
  /** The revision the texts are based on. */
  readonly revision: number;
  readonly fields: Readonly<Record<string, string>>;
}

const prefixOf = (user: string, report: string): string => `report:${encodeURIComponent(user)}:${report}:`;

function isKept(it: unknown): it is Kept {
  if (typeof it !== 'object' || it === null) return false;
  const { editor, sequence, revision, fields } = it as Partial<Record<keyof Kept, unknown>>;
  return (
    typeof editor === 'string' &&
    Number.isInteger(sequence) &&
    Number.isInteger(revision) &&
    typeof fields === 'object' &&
    fields !== null &&
    Object.values(fields).every((text) => typeof text === 'string')
  );
}

function read(key: string): Kept | null {
  try {
    const it: unknown = JSON.parse(localStorage.getItem(key) ?? '');
    return isKept(it) ? it : null;
  } catch {
    return null;
  }
}

/** Keeps it. Resolves to false where the browser has no room or allows none. */
export function keep(user: string, report: string, it: Kept): boolean {
  try {
    const key = prefixOf(user, report) + it.editor;
    if (Object.keys(it.fields).length === 0) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(it));
    return true;
  } catch {
    return false;
  }
}

/** Holds a name until the page is gone; false where another page holds it. */
async function hold(name: string): Promise<boolean> {
  // Locks exist on secure origins alone; without them nobody else is assumed.
  const locks = (navigator as { locks?: LockManager }).locks;
  if (locks === undefined) return true;
  return new Promise((resolve) => {
    void locks.request(name, { ifAvailable: true }, async (lock) => {
      resolve(lock !== null);
      if (lock !== null) await new Promise(() => undefined);
    });
  });
}

/** What a page that is gone has left of a report; null for nothing. The page that asks takes its place. */
export async function takeOver(user: string, report: string): Promise<Kept | null> {
  const prefix = prefixOf(user, report);
  const keys = Array.from({ length: localStorage.length }, (_, index) => localStorage.key(index));
  for (const key of keys) {
    if (key?.startsWith(prefix) !== true) continue;
    const kept = read(key);
    if (kept !== null && (await hold(key))) return kept;
  }
  return null;
}

/** A page's own name, held as long as it lives. */
export async function newEditor(user: string, report: string): Promise<string> {
  const editor = uuid();
  await hold(prefixOf(user, report) + editor);
  return editor;
}

/** A random UUID (RFC 9562 section 5.4); `crypto.randomUUID` exists on secure origins alone. */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (it) => it.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
