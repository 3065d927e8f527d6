/**
 * A list that stands still while somebody reads it: what arrives is counted, and shown when it is asked for.
 *
 * Otherwise the row below the pointer becomes another patient's between the look and the click.
 */
import { useCallback, useEffect, useRef, useState, type FocusEvent, type RefObject } from 'react';

/** For so long after it was moved, a pointer over the list is somebody's who reads. */
const READS_MILLISECONDS = 10_000;

interface Listed {
  readonly id: string;
}

export interface List<T extends Listed> {
  total: number;
  items: T[];
}

/** The same rows in the same order, each as it is now; what is no longer among the fresh ones stays as it was. */
export function inOrderOf<T extends Listed>(shown: readonly T[], fresh: readonly T[]): T[] {
  const now = new Map(fresh.map((it) => [it.id, it]));
  return shown.map((it) => now.get(it.id) ?? it);
}

/** The fresh answer, in which every item that says the same as before is the very same object; and so is the whole. */
export function sharedById<T extends Listed>(
  before: List<T> | undefined,
  after: List<T>,
  same: (before: T, after: T) => T,
): List<T> {
  if (before === undefined) return after;
  const known = new Map(before.items.map((it) => [it.id, it]));
  const items = after.items.map((it) => {
    const was = known.get(it.id);
    return was === undefined ? it : same(was, it);
  });
  const alike = items.length === before.items.length && items.every((it, index) => it === before.items[index]);
  const list = { ...after, items: alike ? before.items : items };
  return alike && shallowEqual(before, list) ? before : list;
}

function shallowEqual(one: object, other: object): boolean {
  const [entries, others] = [Object.entries(one), new Map<string, unknown>(Object.entries(other))];
  return entries.length === others.size && entries.every(([key, value]) => others.get(key) === value);
}

export interface Steady<T extends Listed> {
  items: T[];
  total: number;
  /** Whether the list is another one by now; and how many more there are. */
  changed: boolean;
  more: number;
  /** Shows it as it is now. */
  show: () => void;
}

/**
 * @param fresh the newest answer
 * @param asked what it answers; an answer to something else is shown at once
 * @param reading whether somebody reads the list
 */
export function useSteady<T extends Listed>(fresh: List<T>, asked: string, reading: boolean): Steady<T> {
  const [kept, setKept] = useState({ asked, list: fresh });
  const follows = !reading || kept.asked !== asked || kept.list.items.length === 0;
  if (follows && (kept.list !== fresh || kept.asked !== asked)) setKept({ asked, list: fresh });
  const list = follows ? fresh : kept.list;
  const changed =
    list !== fresh &&
    (list.items.length !== fresh.items.length || list.items.some((it, index) => it.id !== fresh.items[index]?.id));
  return {
    items: list === fresh ? fresh.items : inOrderOf(list.items, fresh.items),
    total: list.total,
    changed,
    more: changed ? Math.max(0, fresh.total - list.total) : 0,
    show: () => {
      setKept({ asked, list: fresh });
    },
  };
}

const inRow = (it: EventTarget | null): boolean => it instanceof Element && it.closest('tbody') !== null;

interface Reader {
  /** Whether somebody reads what is inside. */
  reading: boolean;
  /** To be given to the element around it. */
  watch: {
    ref: RefObject<HTMLDivElement | null>;
    onPointerMove: () => void;
    onPointerDown: () => void;
    onFocus: (event: FocusEvent) => void;
    onBlur: (event: FocusEvent) => void;
  };
}

/** Somebody reads rows: the pointer moved over them lately, one of them has the focus, or the list was scrolled. */
export function useReading(): Reader {
  const ref = useRef<HTMLDivElement | null>(null);
  const [pointed, setPointed] = useState(false);
  const [focused, setFocused] = useState(false);
  const [scrolled, setScrolled] = useState(false);
  const timer = useRef<number | undefined>(undefined);
  const point = useCallback(() => {
    setPointed(true);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      setPointed(false);
    }, READS_MILLISECONDS);
  }, []);
  useEffect(() => {
    const look = (): void => {
      const region = ref.current?.querySelector('.scroll');
      if (region == null) setScrolled(false);
      else setScrolled(region.scrollTop > 0 || region.getBoundingClientRect().top < 0);
    };
    // The window scrolls, or the list within it: a scroll is heard on its way down alone.
    document.addEventListener('scroll', look, { capture: true, passive: true });
    return () => {
      document.removeEventListener('scroll', look, { capture: true });
      window.clearTimeout(timer.current);
    };
  }, []);
  return {
    reading: pointed || focused || scrolled,
    watch: {
      ref,
      onPointerMove: point,
      onPointerDown: point,
      onFocus: ({ target }) => {
        setFocused(inRow(target));
      },
      onBlur: ({ relatedTarget }) => {
        // From row to row there is no moment without a reader.
        setFocused(inRow(relatedTarget));
      },
    },
  };
}
