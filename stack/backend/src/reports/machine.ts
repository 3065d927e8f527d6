/** Who may do what with a report, and when: the only table of it. */
import type { Role } from '../config.ts';
import type { ReportDocument, VersionState } from './model.ts';

/** Where a report stands; `amending`: signed, and an amendment is being written. */
export const SITUATIONS = ['draft', 'preliminary', 'signed', 'amended', 'amending'] as const;
export type Situation = (typeof SITUATIONS)[number];

export const ACTIONS = ['read', 'read_draft', 'save', 'confirm', 'preliminary', 'sign', 'amend'] as const;
export type Action = (typeof ACTIONS)[number];

const ALL: readonly Situation[] = SITUATIONS;
const PUBLISHED: readonly Situation[] = ['preliminary', 'signed', 'amended', 'amending'];
const OPEN: readonly Situation[] = ['draft', 'preliminary', 'amending'];

/** Action -> role -> the situations it is allowed in. Who is missing may not at all. */
const TABLE: Readonly<Record<Action, Readonly<Partial<Record<Role, readonly Situation[]>>>>> = {
  read: { viewer: PUBLISHED, radiologist: ALL, technologist: ALL, administrator: ALL },
  read_draft: { radiologist: ALL, technologist: ALL, administrator: ALL },
  save: { radiologist: OPEN, technologist: ['draft'] },
  confirm: { radiologist: OPEN },
  preliminary: { radiologist: ['draft', 'preliminary'] },
  sign: { radiologist: OPEN },
  amend: { radiologist: ['signed', 'amended'] },
};

export function situationOf({ state, amending }: Pick<ReportDocument, 'state' | 'amending'>): Situation {
  return amending === null ? state : 'amending';
}

/** `role`: never for this role; `state`: not as the report stands. */
export type Decision = 'allowed' | 'role' | 'state';

export function decide(action: Action, role: Role, situation: Situation): Decision {
  const situations = TABLE[action][role];
  if (situations === undefined) return 'role';
  return situations.includes(situation) ? 'allowed' : 'state';
}

/** The state of the version which an action makes. */
export function stateAfter(action: 'preliminary' | 'sign', situation: Situation): VersionState {
  if (action === 'preliminary') return 'preliminary';
  return situation === 'amending' ? 'amended' : 'signed';
}
