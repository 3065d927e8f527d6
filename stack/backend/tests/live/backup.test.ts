/** Dump and load of the records, by the built programs against a real server. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Double, Int32, Long, ObjectId } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { series } from './dicom.ts';
import { untilAlike } from './pictures.ts';
import { available, BackendServer, DatabaseServer, Folder, OrthancServer } from './servers.ts';

const folder = new Folder();
let orthanc: OrthancServer;
let database: DatabaseServer;
let backend: BackendServer;

function run(name: 'dump' | 'load', ...more: string[]): { status: number | null; stdout: string; stderr: string } {
  const program = fileURLToPath(new URL(`../../dist/${name}.mjs`, import.meta.url));
  return spawnSync(process.execPath, [program, '--config', backend.file, ...more], { encoding: 'utf8' });
}

function done(name: 'dump' | 'load', ...more: string[]): { documents: Record<string, number>; bytes: number } {
  const { status, stdout, stderr } = run(name, ...more);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as { documents: Record<string, number>; bytes: number };
}

describe.skipIf(!available)('dump.mjs and load.mjs', () => {
  beforeAll(async () => {
    [orthanc, database] = await Promise.all([OrthancServer.start(folder), DatabaseServer.start(folder)]);
    backend = await BackendServer.create(folder, orthanc, database);
  });

  beforeEach(async () => {
    await database.clear();
  });

  afterAll(async () => {
    await backend.stop();
    await Promise.all([orthanc.stop(), database.close()]);
    folder.remove();
  });

  it('keep every type, option and index', async () => {
    const document = {
      _id: 'one',
      integer: new Int32(3),
      double: new Double(3),
      long: new Long(5),
      huge: Long.MAX_VALUE,
      date: new Date(0),
      id: new ObjectId(),
      text: 'Ünïcödé "\\ \n \u2028 {"$numberInt": "1"}',
      nothing: null,
      list: [[], {}, [1.5]],
      dotted: { $looks_like: 'an operator' },
    };
    await database.db.createCollection('things', { validator: { _id: { $type: 'string' } } });
    await database.db
      .collection('things')
      .createIndexes([{ key: { integer: 1, long: -1 }, name: 'both', sparse: true }]);
    await database.db.collection<typeof document>('things').insertOne(document);
    const [first, second] = [join(folder.path, 'types-1'), join(folder.path, 'types-2')];
    expect(done('dump', '--output', first).documents).toEqual({ things: 1 });

    await database.clear();
    expect(done('load', '--input', first).documents).toEqual({ things: 1 });
    const raw = { promoteValues: false, promoteLongs: false };
    const loaded = await database.db.collection('things').findOne({}, raw);
    expect([loaded?.integer, loaded?.double, loaded?.long]).toEqual([new Int32(3), new Double(3), new Long(5)]);
    expect((await database.db.collection('things').indexes()).find((it) => it.name === 'both')).toMatchObject({
      key: { integer: 1, long: -1 },
      sparse: true,
    });
    const refused = database.db.collection<{ _id: number }>('things').insertOne({ _id: 7 });
    await expect(refused).rejects.toMatchObject({ code: 121 });
    done('dump', '--output', second);
    expect(readFileSync(second, 'utf8')).toBe(readFileSync(first, 'utf8'));
  });

  it('bring back the records of a backend, which goes on from them', async () => {
    await backend.start();
    const images = series(4, { patientId: 'A' });
    await orthanc.store(images.slice(0, 3));
    await untilAlike(orthanc, database);
    const file = join(folder.path, 'records');
    const { documents, bytes } = done('dump', '--output', file);
    expect(documents).toMatchObject({ state: 1, instances: 3, patients: 1, series: 1, studies: 1 });
    expect(readFileSync(file).length).toBe(bytes);
    expect(readFileSync(file, 'utf8').split('\n')[1]).toContain('"name":"state"');
    await backend.stop();

    expect(run('load', '--input', file)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('--replace') as string,
    });
    await database.db.collection('instances').deleteMany({});
    expect(done('load', '--input', file, '--replace').documents).toEqual(documents);
    await backend.start();
    await orthanc.store(images.slice(3));
    await untilAlike(orthanc, database);
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, text.lastIndexOf('{"end"')), 'cut off'],
    ['cut within a line', (text: string) => text.slice(0, -20), 'line'],
    ['short of a document', (text: string) => text.split('\n').toSpliced(2, 1).join('\n'), 'documents'],
    ['something else', () => '{"hello": 1}\n', 'line 1'],
    ['empty', () => '', 'no end'],
  ])('a dump that is %s changes nothing', async (_, harm, told) => {
    await database.db.collection<{ _id: string }>('kept').insertMany([{ _id: 'a' }, { _id: 'b' }]);
    const file = join(folder.path, 'harmed');
    done('dump', '--output', file);
    writeFileSync(file, harm(readFileSync(file, 'utf8')));
    const { status, stderr } = run('load', '--input', file, '--replace');
    expect(status).toBe(1);
    expect(stderr).toContain(told);
    expect(await database.db.collection('kept').countDocuments()).toBe(2);
  });

  it('say what cannot be written or read, and leave nothing half-written', () => {
    const nowhere = join(folder.path, 'nowhere', 'file');
    expect(run('dump', '--output', nowhere)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('ENOENT') as string,
    });
    expect(existsSync(`${nowhere}.part`)).toBe(false);
    expect(run('load', '--input', nowhere)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('ENOENT') as string,
    });
    expect(run('dump').status).toBe(2);
  });
});
