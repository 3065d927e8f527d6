/**
 * How far the changes are recorded, and whether Orthanc's log is still the one the cursor was counted in.
 *
 * Orthanc 1.10.1 tells no identity of its database. So some lines of the log are remembered, the newest at the cursor.
 * While they read the same, the log is the same; another content at the same number means another database, or an
 * older copy of this one that went on differently. A line may also be gone, because Orthanc drops the lines of a
 * deleted resource: then the next older one decides. The highest number ever given survives deletions (SQLite's
 * AUTOINCREMENT), so one below the cursor means another database as well.
 */
import type { Change } from '../orthanc.ts';
import type { Anchor } from '../store/documents.ts';

/** The newest lines, of which all are remembered. */
const NEWEST_KEPT = 4;
/** One more for each doubling of the distance, up to 2^20 numbers behind. */
const DOUBLINGS_KEPT = 20;

export function anchorOf(change: Change): Anchor {
  return { seq: change.Seq, type: change.ChangeType, id: change.ID, date: change.Date };
}

export function sameAnchor(anchor: Anchor, change: Change): boolean {
  return (
    anchor.seq === change.Seq &&
    anchor.type === change.ChangeType &&
    anchor.id === change.ID &&
    anchor.date === change.Date
  );
}

/** The anchors with one more, oldest first: the newest few, and one in each doubling of the distance to them. */
export function withAnchor(anchors: readonly Anchor[], next: Anchor): Anchor[] {
  const older = anchors.filter((it) => it.seq < next.seq).toSorted((a, b) => b.seq - a.seq);
  const kept = [next, ...older.slice(0, NEWEST_KEPT - 1)];
  // The oldest of each span stays, and so grows into the next: the youngest would never get there.
  const spans = new Map<number, Anchor>();
  for (const it of older.slice(NEWEST_KEPT - 1)) spans.set(Math.floor(Math.log2(next.seq - it.seq)), it);
  for (const [span, it] of spans) if (span <= DOUBLINGS_KEPT) kept.push(it);
  return kept.reverse();
}

/** What one look at the log says about an anchor. */
export type Verdict = 'same' | 'other' | 'gone';

/** Judges an anchor by the first line found at or after its number. */
export function judge(anchor: Anchor, first: Change | undefined): Verdict {
  if (first?.Seq !== anchor.seq) return 'gone';
  return sameAnchor(anchor, first) ? 'same' : 'other';
}

/** The resources a page of changes concerns, by level, each once. Unknown kinds of change are taken as well. */
export interface Touched {
  readonly instances: Set<string>;
  readonly series: Set<string>;
  readonly studies: Set<string>;
  readonly patients: Set<string>;
}

/** Stable* says nothing new about a resource; the worker knows itself when the last instance came. */
const IGNORED = 'Stable';

export function touchedBy(changes: readonly Change[]): Touched {
  const touched: Touched = { instances: new Set(), series: new Set(), studies: new Set(), patients: new Set() };
  for (const change of changes) {
    if (change.ChangeType.startsWith(IGNORED)) continue;
    switch (change.ResourceType) {
      case 'Instance':
        touched.instances.add(change.ID);
        break;
      case 'Series':
        touched.series.add(change.ID);
        break;
      case 'Study':
        touched.studies.add(change.ID);
        break;
      case 'Patient':
        touched.patients.add(change.ID);
        break;
      default:
        break;
    }
  }
  return touched;
}
