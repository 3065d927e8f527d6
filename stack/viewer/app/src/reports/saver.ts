/**
 * Carries what is typed to the server, and keeps it until the server has it.
 *
 * One for each report as long as this page of the browser lives, whatever is shown meanwhile. Each field remembers the
 * revision its text is based on, so that the server can tell what others changed since.
 */
import { ApiError, call } from '../api/client.ts';
import { keep, newEditor, takeOver, uuid, type Kept } from './local.ts';
import type { Draft, Editor, Report, ReportPage, Template } from './types.ts';

export type Status = 'saved' | 'waiting' | 'saving' | 'away' | 'refused';

/** What is shown; a new object for each change. */
export interface View {
  readonly report: Report;
  readonly template: Template;
  /** Texts the server does not have yet. */
  readonly typed: Readonly<Record<string, string>>;
  readonly status: Status;
  /** What went wrong, in words. */
  readonly trouble: string | null;
  /** Whether this browser keeps what is typed. */
  readonly keeps: boolean;
  /** Text that an earlier page had left here. */
  readonly restored: boolean;
  readonly others: readonly Editor[];
}

interface Typed {
  readonly text: string;
  readonly base: number;
}
interface Here {
  readonly user: string;
  readonly csrf: () => string;
  /** The session has ended. */
  readonly onEnded: () => void;
}

const PAUSE_MILLISECONDS = 700;
const LONGEST_PAUSE_MILLISECONDS = 10_000;
/** The server takes somewhat more at once; the rest goes with the next save. */
const SAVE_LENGTH = 90_000;
/** Browsers carry no more for a page that is left (https://fetch.spec.whatwg.org/#http-network-or-cache-fetch). */
const KEEPALIVE_BYTES = 60_000;

const all = new Map<string, Promise<Saver>>();

/** The one saver of a report; the newest answer about the report is taken over. */
export async function saverOf(page: ReportPage, here: Here): Promise<Saver> {
  const key = `${here.user}\n${page.report.id}`;
  const there = all.get(key);
  if (there !== undefined) {
    const saver = await there;
    saver.show(page.report);
    return saver;
  }
  const made = (async () => {
    const kept = page.report.draft === null ? null : await takeOver(here.user, page.report.id);
    const editor = kept?.editor ?? (await newEditor(here.user, page.report.id));
    return new Saver(page, here, editor, kept);
  })();
  all.set(key, made);
  return made;
}

export class Saver {
  readonly editor: string;
  readonly #here: Here;
  readonly #typed = new Map<string, Typed>();
  readonly #listeners = new Set<() => void>();
  #sequence: number;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | null = null;
  #view: View;

  constructor({ report, template }: ReportPage, here: Here, editor: string, kept: Kept | null) {
    this.#here = here;
    this.editor = editor;
    this.#sequence = kept?.sequence ?? 0;
    for (const [field, text] of Object.entries(kept?.fields ?? {})) {
      if ((report.draft?.fields[field]?.value ?? '') !== text) {
        this.#typed.set(field, { text, base: kept?.revision ?? 1 });
      }
    }
    const restored = this.#typed.size > 0;
    const others = report.draft?.editors.filter((it) => it.editor !== editor) ?? [];
    this.#view = {
      report,
      template,
      typed: {},
      status: restored ? 'waiting' : 'saved',
      trouble: null,
      keeps: true,
      restored,
      others,
    };
    this.#changed({});
    if (restored) this.#later(0);
    window.addEventListener('online', () => {
      this.#later(0);
    });
    window.addEventListener('pagehide', () => {
      this.#leave();
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly view = (): View => this.#view;

  /** A newer answer about the report. */
  show(report: Report): void {
    const now = this.#view.report.draft?.revision ?? 0;
    if ((report.draft?.revision ?? 0) >= now) this.#changed({ report });
  }

  type(field: string, given: string): void {
    // The server takes no control characters; text that is pasted may have some.
    const text = given.replace(/[^\P{Cc}\n\r\t]|\p{Cs}/gu, '');
    const { draft } = this.#view.report;
    if (draft === null) return;
    const base = this.#typed.get(field)?.base ?? draft.revision;
    this.#typed.set(field, { text, base });
    this.#changed({ status: this.#view.status === 'away' ? 'away' : 'waiting', trouble: null, restored: false });
    this.#later(PAUSE_MILLISECONDS);
  }

  /** Settles a conflict with a text. */
  async settle(conflict: string, field: string, text: string): Promise<void> {
    const { draft } = this.#view.report;
    if (draft === null) return;
    await this.flush();
    await this.#guarded(async () => {
      const now = this.#view.report.draft;
      const same = (now?.fields[field]?.value ?? '') === text;
      await this.#put(now?.revision ?? draft.revision, same ? {} : { [field]: text }, [conflict]);
    });
  }

  /** Everything typed, with the server. Resolves to whether it is. */
  async flush(): Promise<boolean> {
    clearTimeout(this.#timer);
    await this.#running;
    this.#running = this.#guarded(async () => this.#send()).finally(() => {
      this.#running = null;
    });
    await this.#running;
    return this.#typed.size === 0;
  }

  /** Tells that somebody writes here, and hears who else does and whether the report changed. */
  async present(field: string | null): Promise<void> {
    const { id, draft } = this.#view.report;
    try {
      const body = { editor: this.editor, field };
      const path = `/api/reports/${id}/presence`;
      const seen = await call<{ revision: number; others: Editor[] }>(path, { method: 'POST', body });
      this.#changed({ others: seen.others });
      if (seen.revision > (draft?.revision ?? 0) && this.#running === null) await this.#refresh();
      else if (this.#view.status === 'away') this.#later(0);
    } catch (error) {
      // Signed or amended elsewhere: what may be done now is another thing.
      if (error instanceof ApiError && error.status === 409) await this.reload();
    }
  }

  /** Asks what is new beside the text: analyses that came. */
  async look(): Promise<void> {
    if (this.#running === null && this.#view.report.may.save) await this.#refresh();
  }

  /** Reads the report anew. */
  async reload(): Promise<void> {
    await this.#guarded(async () => {
      const { report } = await call<ReportPage>(`/api/reports/${this.#view.report.id}`);
      this.#take(report);
    });
  }

  /** Does something with the report as it is seen. @throws ApiError */
  async act(action: 'confirm' | 'preliminary' | 'sign' | 'amend' | 'analyses', more: object = {}): Promise<void> {
    if (!(await this.flush())) throw new ApiError(0, 'Not everything that was typed is saved yet.');
    const { id, draft } = this.#view.report;
    const body = { revision: draft?.revision, ...more };
    try {
      this.#take(await call<Report>(`/api/reports/${id}/${action}`, { method: 'POST', body }));
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) await this.reload();
      throw error;
    }
  }

  #later(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), milliseconds);
  }

  async #send(): Promise<void> {
    for (;;) {
      const open = [...this.#typed];
      if (open.length === 0) break;
      const base = Math.min(...open.map(([, it]) => it.base));
      let room = SAVE_LENGTH;
      const part = open
        .filter(([, it]) => it.base === base)
        .filter(([, it], index) => (room -= it.text.length) >= 0 || index === 0)
        .map(([field, it]): [string, string] => [field, it.text]);
      this.#changed({ status: 'saving' });
      await this.#put(base, Object.fromEntries(part), []);
    }
    this.#changed({ status: 'saved', trouble: null });
  }

  async #put(revision: number, fields: Readonly<Record<string, string>>, resolved: readonly string[]): Promise<void> {
    this.#sequence += 1;
    this.#changed({});
    const body = { revision, editor: this.editor, sequence: this.#sequence, fields, resolved };
    const path = `/api/reports/${this.#view.report.id}/draft`;
    try {
      const report = await call<Report>(path, { method: 'PUT', body });
      for (const [field, text] of Object.entries(fields)) {
        if (this.#typed.get(field)?.text === text) this.#typed.delete(field);
      }
      this.#failures = 0;
      this.#take(report);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
      await this.#refused(fields, error);
    }
  }

  /** The server has kept the texts beside the report: from there they are shown. @throws the error, where it has not */
  async #refused(fields: Readonly<Record<string, string>>, error: ApiError): Promise<void> {
    const { report } = await call<ReportPage>(`/api/reports/${this.#view.report.id}`);
    let lost = false;
    for (const [field, text] of Object.entries(fields)) {
      const now = report.draft?.fields[field]?.value ?? '';
      const kept = report.draft?.conflicts.some((it) => it.field === field && it.value === text) ?? false;
      lost ||= now !== text && !kept;
      // What was typed meanwhile goes the same way, with the next save.
      if ((now === text || kept) && this.#typed.get(field)?.text === text) this.#typed.delete(field);
    }
    this.#take(report);
    if (lost) throw error;
  }

  async #refresh(): Promise<void> {
    const { draft } = this.#view.report;
    // A save of nothing: unlike reading, it opens nothing.
    await this.#guarded(async () => this.#put(draft?.revision ?? 1, {}, []));
  }

  #take(report: Report): void {
    const others = report.draft?.editors.filter((it) => it.editor !== this.editor) ?? [];
    this.#changed({ report, others });
  }

  /** What fails for want of a server is tried again; what the server refuses is told. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      const trouble = error instanceof Error ? error.message : 'Unknown trouble.';
      if (status === 401) this.#here.onEnded();
      if (status === 0 || status === 429 || status >= 500) {
        this.#failures += 1;
        this.#changed({ status: this.#typed.size > 0 ? 'away' : this.#view.status, trouble });
        if (this.#typed.size > 0) {
          this.#later(Math.min(LONGEST_PAUSE_MILLISECONDS, PAUSE_MILLISECONDS * 2 ** Math.min(this.#failures, 6)));
        }
      } else this.#changed({ status: 'refused', trouble });
    }
  }

  /** The page may be gone in a moment: one last try, which nobody waits for. */
  #leave(): void {
    const { draft, id } = this.#view.report;
    const open = [...this.#typed];
    if (draft === null || open.length === 0) return;
    const base = Math.min(...open.map(([, it]) => it.base));
    const fields = Object.fromEntries(open.map(([field, it]) => [field, it.text]));
    this.#sequence += 1;
    this.#changed({});
    const body = JSON.stringify({
      revision: base,
      editor: this.editor,
      sequence: this.#sequence,
      fields,
      resolved: [],
    });
    if (new Blob([body]).size > KEEPALIVE_BYTES) return;
    void fetch(`/api/reports/${id}/draft`, {
      method: 'PUT',
      keepalive: true,
      headers: { 'content-type': 'application/json', 'x-csrf-token': this.#here.csrf() },
      body,
    }).catch(() => undefined);
  }

  #changed(change: Partial<View>): void {
    const typed = Object.fromEntries([...this.#typed].map(([field, it]) => [field, it.text]));
    const bases = [...this.#typed.values()].map((it) => it.base);
    const report = (change.report ?? this.#view.report).id;
    const { editor } = this;
    const revision = bases.length === 0 ? 1 : Math.min(...bases);
    const keeps = keep(this.#here.user, report, { editor, sequence: this.#sequence, revision, fields: typed });
    this.#view = { ...this.#view, ...change, typed, keeps };
    for (const it of [...this.#listeners]) it();
  }
}

/** The text of a field as it is seen here. */
export function textOf(view: Pick<View, 'typed'>, draft: Draft, field: string): string {
  return view.typed[field] ?? draft.fields[field]?.value ?? '';
}

/** Begins a report. The identifier is chosen here, so that a repetition makes no second one. */
export async function beginReport(study: string, id: string = uuid()): Promise<Report> {
  const path = `/api/studies/${encodeURIComponent(study)}/reports`;
  return (await call<ReportPage>(path, { method: 'POST', body: { id } })).report;
}
