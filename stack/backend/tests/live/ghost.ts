/**
 * Stands before SecantusDB and plays a mongod that was started for a replica set which nobody has begun: it has its
 * administrator and no set. Whoever is let in there as the administrator may begin one, and the set is then told of.
 *
 * Wire protocol: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { BSON, type Document } from 'mongodb';

const OP_REPLY = 1;
const OP_MSG = 2013;
const HEADER = 16;
/** Bytes between the header and the first document. */
const BEFORE = { [OP_REPLY]: 20, [OP_MSG]: 5 } as const;

export class Ghost {
  /** What the set was begun with. */
  readonly begun: Document[] = [];
  /** Answers `replSetInitiate` so many times that not every member is there. */
  absent = 0;
  readonly #database: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(database: number) {
    this.#database = database;
    this.#server = createServer((client) => {
      this.#serve(client);
    });
  }

  static async start(database: number): Promise<Ghost> {
    const it = new Ghost(database);
    await new Promise<void>((resolve) => it.#server.listen(0, '127.0.0.1', resolve));
    return it;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const it of this.#sockets) it.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(client: Socket): void {
    const database = connect(this.#database, '127.0.0.1');
    for (const it of [client, database]) {
      this.#sockets.add(it);
      it.on('error', () => it.destroy());
      it.on('close', () => {
        this.#sockets.delete(it);
        client.destroy();
        database.destroy();
      });
    }
    let asked: Document | null = null;
    eachMessage(client, (message) => {
      const command = message.readInt32LE(12) === OP_MSG ? documentOf(message) : null;
      if (command !== null && 'replSetInitiate' in command) {
        asked = command.replSetInitiate as Document;
        // In its stead, what the administrator alone may do: a stranger is refused by the database itself.
        const { lsid, $db } = command as { lsid?: unknown; $db: unknown };
        database.write(withDocument(message, { listDatabases: 1, nameOnly: true, ...(lsid ? { lsid } : {}), $db }));
      } else {
        database.write(message);
      }
    });
    eachMessage(database, (message) => {
      const answer = documentOf(message);
      if (asked !== null) {
        const wanted = asked;
        asked = null;
        client.write(withDocument(message, answer.ok === 1 ? this.#begin(wanted) : answer));
      } else {
        client.write('setName' in answer ? withDocument(message, this.#hello(answer)) : message);
      }
    });
  }

  #begin(wanted: Document): Document {
    if (this.absent > 0) {
      this.absent -= 1;
      return { ok: 0, code: 74, codeName: 'NodeNotFound', errmsg: 'not all proposed set members responded' };
    }
    this.begun.push(wanted);
    return { ok: 1 };
  }

  #hello(answer: Document): Document {
    const [set] = this.begun;
    if (set === undefined) {
      const { setName, setVersion, hosts, passives, arbiters, primary, me, electionId, ...rest } = answer;
      return { ...rest, ismaster: false, isWritablePrimary: false, secondary: false, isreplicaset: true };
    }
    const own = `127.0.0.1:${String(this.port)}`;
    const hosts = (set.members as { host: string }[]).map((it) => it.host);
    return { ...answer, setName: set._id as unknown, hosts, primary: own, me: own };
  }
}

function documentOf(message: Buffer): Document {
  return BSON.deserialize(message.subarray(start(message)), {
    allowObjectSmallerThanBufferSize: true,
    promoteLongs: false,
  });
}

function start(message: Buffer): number {
  return HEADER + BEFORE[message.readInt32LE(12) === OP_REPLY ? OP_REPLY : OP_MSG];
}

/** The message with another document in it. */
function withDocument(message: Buffer, document: Document): Buffer {
  const made = Buffer.concat([message.subarray(0, start(message)), BSON.serialize(document)]);
  made.writeInt32LE(made.length, 0);
  return made;
}

function eachMessage(socket: Socket, take: (message: Buffer) => void): void {
  let held = Buffer.alloc(0);
  socket.on('data', (piece: Buffer) => {
    held = Buffer.concat([held, piece]);
    while (held.length >= HEADER && held.length >= held.readInt32LE(0)) {
      const length = held.readInt32LE(0);
      take(held.subarray(0, length));
      held = held.subarray(length);
    }
  });
}
