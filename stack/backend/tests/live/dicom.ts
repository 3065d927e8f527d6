/** Small CT images as DICOM files (PS3.10), explicit VR little endian. */
import { randomInt } from 'node:crypto';

/** An image's tags; text is written in the given character set. */
export interface Image {
  readonly patientId: string;
  readonly patientName?: string;
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly instanceUid: string;
  readonly instanceNumber?: number;
  readonly modality?: string;
  readonly studyDate?: string;
  readonly description?: string;
  readonly accessionNumber?: string;
  /** Latin-1 (ISO_IR 100) or UTF-8 (ISO_IR 192). */
  readonly characterSet?: 'ISO_IR 100' | 'ISO_IR 192';
  /** The pixels' value, so that two files of one instance may differ. */
  readonly pixel?: number;
}

const CT = '1.2.840.10008.5.1.4.1.1.2';
const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';

let counter = 0;
const root = `2.25.${String(Date.now())}${String(randomInt(1_000_000_000))}`;

/** A new UID (PS3.5 annex B.2). */
export function uid(): string {
  counter += 1;
  return `${root}.${String(counter)}`;
}

/** `count` images of one new series, with what is given. */
export function series(
  count: number,
  tags: Omit<Image, 'studyUid' | 'seriesUid' | 'instanceUid'>,
  studyUid = uid(),
): Image[] {
  const seriesUid = uid();
  return Array.from({ length: count }, (_, index) => ({
    ...tags,
    studyUid,
    seriesUid,
    instanceUid: uid(),
    instanceNumber: index + 1,
  }));
}

type Element = readonly [group: number, element: number, vr: string, value: string | number | Buffer];

export function encode(image: Image): Buffer {
  const encoding = image.characterSet === 'ISO_IR 192' ? 'utf8' : 'latin1';
  const meta = elements(
    [
      [2, 1, 'OB', Buffer.from([0, 1])],
      [2, 2, 'UI', CT],
      [2, 3, 'UI', image.instanceUid],
      [2, 0x10, 'UI', EXPLICIT_LITTLE_ENDIAN],
      [2, 0x12, 'UI', '2.25.1'],
    ],
    encoding,
  );
  const dataset = elements(
    [
      [8, 5, 'CS', image.characterSet ?? 'ISO_IR 100'],
      [8, 0x16, 'UI', CT],
      [8, 0x18, 'UI', image.instanceUid],
      [8, 0x20, 'DA', image.studyDate ?? '20260102'],
      [8, 0x30, 'TM', '101112'],
      [8, 0x50, 'SH', image.accessionNumber ?? ''],
      [8, 0x60, 'CS', image.modality ?? 'CT'],
      [8, 0x1030, 'LO', image.description ?? 'Test'],
      [0x10, 0x10, 'PN', image.patientName ?? ''],
      [0x10, 0x20, 'LO', image.patientId],
      [0x20, 0xd, 'UI', image.studyUid],
      [0x20, 0xe, 'UI', image.seriesUid],
      [0x20, 0x11, 'IS', '1'],
      [0x20, 0x13, 'IS', String(image.instanceNumber ?? 1)],
      [0x28, 2, 'US', 1],
      [0x28, 4, 'CS', 'MONOCHROME2'],
      [0x28, 0x10, 'US', 8],
      [0x28, 0x11, 'US', 8],
      [0x28, 0x100, 'US', 16],
      [0x28, 0x101, 'US', 16],
      [0x28, 0x102, 'US', 15],
      [0x28, 0x103, 'US', 0],
      [0x7fe0, 0x10, 'OW', Buffer.alloc(128, image.pixel ?? 0)],
    ],
    encoding,
  );
  const length = Buffer.alloc(12);
  length.writeUInt16LE(2, 0);
  length.write('UL', 4, 'latin1');
  length.writeUInt16LE(4, 6);
  length.writeUInt32LE(meta.length, 8);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), length, meta, dataset]);
}

function elements(list: readonly Element[], encoding: BufferEncoding): Buffer {
  return Buffer.concat(
    list.flatMap(([group, element, vr, value]) => {
      const body = padded(vr, value, encoding);
      const long = vr === 'OB' || vr === 'OW';
      const header = Buffer.alloc(long ? 12 : 8);
      header.writeUInt16LE(group, 0);
      header.writeUInt16LE(element, 2);
      header.write(vr, 4, 'latin1');
      if (long) header.writeUInt32LE(body.length, 8);
      else header.writeUInt16LE(body.length, 6);
      return [header, body];
    }),
  );
}

function padded(vr: string, value: string | number | Buffer, encoding: BufferEncoding): Buffer {
  if (typeof value === 'number') {
    const body = Buffer.alloc(2);
    body.writeUInt16LE(value);
    return body;
  }
  const body = typeof value === 'string' ? Buffer.from(value, encoding) : value;
  return body.length % 2 === 0 ? body : Buffer.concat([body, Buffer.from(vr === 'UI' || vr === 'OB' ? '\0' : ' ')]);
}
