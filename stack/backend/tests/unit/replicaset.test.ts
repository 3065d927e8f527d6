import { MongoServerError, type Document } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { beginSet, checkSet, NotYetError, OtherSetError } from '../../src/account/replicaset.ts';
import { isUnreachable } from '../../src/errors.ts';
import { reachOptions, uriOf } from '../../src/store/connection.ts';

const members = ['database-0.database', 'database-1.database', '2001:db8::1'].map((host) => ({ host, port: 27017 }));
const wanted = { name: 'orthancgen', members };
const names = ['database-0.database:27017', 'database-1.database:27017', '[2001:db8::1]:27017'];
const one = { host: '::1', port: 27018, replicaSet: null, tls: false, tlsCaFile: null };

function refused(code: number): MongoServerError {
  return new MongoServerError({ message: 'refused', code });
}

/** A member that tells this of itself, and answers replSetInitiate so; what it was asked as the administrator. */
function member(hello: Document, answer: () => Document = () => ({ ok: 1 })): [Promise<string>, Document[]] {
  const asked: Document[] = [];
  const done = beginSet(
    async () => Promise.resolve(hello),
    async (command) => {
      asked.push(command);
      return new Promise((resolve) => {
        resolve(answer());
      });
    },
    wanted,
  );
  return [done, asked];
}

function fails(code: number): () => Document {
  return () => {
    throw refused(code);
  };
}

describe('how the database is reached', () => {
  it('one server by its own address', () => {
    expect(uriOf(one)).toBe('mongodb://[::1]:27018/');
    expect(reachOptions(one, true)).toEqual({ directConnection: true, serverSelectionTimeoutMS: 3_000 });
    expect(reachOptions({ ...one, tlsCaFile: '/ca' }, true)).toMatchObject({ tls: true, tlsCAFile: '/ca' });
  });

  it('a replica set by every member, longer than an election takes, reading what a majority has', () => {
    const several = { ...one, replicaSet: wanted, tls: true };
    expect(uriOf(several)).toBe(`mongodb://${names.join(',')}/`);
    expect(reachOptions(several, true)).toEqual({
      tls: true,
      replicaSet: 'orthancgen',
      readConcern: { level: 'majority' },
      retryWrites: true,
      serverSelectionTimeoutMS: 15_000,
    });
  });

  it('a member that is the primary no more is one that may answer soon', () => {
    for (const code of [10107, 189, 11602, 91]) expect(isUnreachable(refused(code))).toBe(true);
    for (const code of [11000, 18, 13]) expect(isUnreachable(refused(code))).toBe(false);
  });
});

describe('a replica set', () => {
  it('is begun on its first member, with exactly the members that are wanted', async () => {
    const [done, asked] = member({ isreplicaset: true });
    expect(await done).toBe('initiated');
    const listed = names.map((host, index) => ({ _id: index, host }));
    expect(asked).toEqual([{ replSetInitiate: { _id: 'orthancgen', members: listed } }]);
  });

  it('is left alone where it is there already', async () => {
    const [done, asked] = member({ setName: 'orthancgen', hosts: names });
    expect(await done).toBe('unchanged');
    expect(asked).toEqual([]);
    expect(await member({ isreplicaset: true }, fails(23))[0]).toBe('unchanged');
  });

  it('waits for a member that is not there yet', async () => {
    await expect(member({})[0]).rejects.toThrow(NotYetError);
    for (const code of [74, 76]) {
      await expect(member({ isreplicaset: true }, fails(code))[0]).rejects.toThrow(NotYetError);
    }
    await expect(member({ isreplicaset: true }, fails(13))[0]).rejects.toThrow(MongoServerError);
  });

  it('of another name, or with other members, is changed by a person, who is told how', () => {
    checkSet({ setName: 'orthancgen', hosts: names.slice(0, 2), passives: names.slice(2) }, wanted);
    expect(() => {
      checkSet({ setName: 'rs0', hosts: names }, wanted);
    }).toThrow(OtherSetError);
    expect(() => {
      checkSet({ setName: 'orthancgen', hosts: ['old:27017', ...names.slice(1)] }, wanted);
    }).toThrow(/rs\.add\("database-0\.database:27017"\), rs\.remove\("old:27017"\)/);
  });
});
