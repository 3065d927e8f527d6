/** Which of the page's queries news of studies concern. */
import type { QueryClient, QueryKey } from '@tanstack/react-query';

const LISTS: ReadonlySet<unknown> = new Set(['studies', 'patients', 'patient']);

/** So many studies are told at once by the backend; more may be meant then. */
const MOST_TOLD = 500;

/** Studies that were written or removed since somebody looked, by Orthanc's identifiers. */
export class Told {
  #any = false;
  readonly #studies = new Set<string>();

  /** @param studies none where anything may have changed */
  add(studies: readonly string[]): void {
    if (studies.length === 0 || studies.length >= MOST_TOLD) this.#any = true;
    else for (const it of studies) this.#studies.add(it);
    if (this.#studies.size >= MOST_TOLD) this.#any = true;
    if (this.#any) this.#studies.clear();
  }

  get none(): boolean {
    return !this.#any && this.#studies.size === 0;
  }

  has(study: string): boolean {
    return this.#any || this.#studies.has(study);
  }
}

/**
 * Whether a query may be answered otherwise now. Lists always; a study and its series where it is one of those: to ask
 * for a study is to open it, which is written down.
 */
export function concerned(client: QueryClient, told: Told, [kind, uid, part]: QueryKey): boolean {
  if (LISTS.has(kind)) return true;
  if ((kind !== 'study' && kind !== 'series') || part !== undefined) return false;
  const id = client.getQueryData<{ id: string }>(['study', uid])?.id;
  return id === undefined ? kind === 'study' : told.has(id);
}
