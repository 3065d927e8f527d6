/** DICOM identifiers of a report, always the same for the same version: so that storing it twice stores it once. */
import { createHash } from 'node:crypto';

/** A UID made from a UUID (PS3.5 annex B.2), the UUID made from a name (RFC 9562 section 5.8). */
export function uidOf(name: string): string {
  const bytes = createHash('sha256').update(name, 'utf8').digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${bytes.toString('hex')}`).toString()}`;
}

export const seriesUid = (report: string): string => uidOf(`orthancgen report ${report}`);
export const instanceUid = (version: string): string => uidOf(`orthancgen report version ${version}`);
