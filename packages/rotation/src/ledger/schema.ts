import type { Database } from '../sqlite-driver.ts'

/** 'KFLD': tells a ledger from every other SQLite file. */
export const APPLICATION_ID = 0x4b464c44

const STATES = "'pre-active', 'active', 'decrypt-only', 'disabled', 'compromised', 'destroyed'"

/**
 * What each version adds to the one before. A released entry never changes; `PRAGMA user_version` is the count of those that were applied.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL) STRICT;
   CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
   INSERT INTO settings VALUES ('pseudonym key', randomblob(32));
   CREATE TABLE keys (
     id TEXT PRIMARY KEY,
     key_id TEXT NOT NULL UNIQUE CHECK (length(key_id) = 24),
     state TEXT NOT NULL CHECK (state IN (${STATES})),
     since TEXT NOT NULL,
     reason TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE rotations (
     id INTEGER PRIMARY KEY,
     reason TEXT NOT NULL CHECK (reason IN ('rotation', 'compromise')),
     target TEXT NOT NULL REFERENCES keys (id),
     plan TEXT,
     started_at TEXT NOT NULL,
     updated_at TEXT NOT NULL,
     finished_at TEXT,
     outcome TEXT
   ) STRICT;
   CREATE TABLE checkpoints (
     rotation INTEGER NOT NULL REFERENCES rotations (id),
     store TEXT NOT NULL,
     table_name TEXT NOT NULL,
     column_name TEXT NOT NULL,
     position TEXT,
     swept INTEGER NOT NULL CHECK (swept IN (0, 1)),
     sealed INTEGER NOT NULL,
     rewrapped INTEGER NOT NULL,
     reencrypted INTEGER NOT NULL,
     PRIMARY KEY (rotation, store, table_name, column_name)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE pending_scrubs (store TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE escrows (
     id TEXT NOT NULL,
     key_id TEXT NOT NULL CHECK (length(key_id) = 24),
     place TEXT NOT NULL,
     wrapped_under TEXT,
     confirmed_at TEXT NOT NULL,
     confirmed_by TEXT NOT NULL CHECK (confirmed_by IN ('prompt', 'flag')),
     PRIMARY KEY (key_id, place)
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE exposed_branch_keys (
     key_id TEXT PRIMARY KEY CHECK (length(key_id) = 24),
     rotation INTEGER NOT NULL REFERENCES rotations (id)
   ) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE rotations ADD COLUMN mode TEXT NOT NULL DEFAULT 'move' CHECK (mode IN ('move', 'rollback', 'unseal'));
   ALTER TABLE rotations ADD COLUMN wish TEXT CHECK (wish IN ('pause', 'cancel'));
   ALTER TABLE checkpoints RENAME TO shards;
   ALTER TABLE shards ADD COLUMN lease INTEGER;
   ALTER TABLE shards ADD COLUMN unsealed INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE plans (
     sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64),
     document TEXT NOT NULL,
     first_run_at TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE leases (
     name TEXT PRIMARY KEY,
     token INTEGER NOT NULL,
     machine TEXT NOT NULL,
     process TEXT NOT NULL,
     pid INTEGER NOT NULL,
     acquired_at TEXT NOT NULL,
     renewed_at TEXT NOT NULL,
     released_at TEXT
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE quarantine (
     store TEXT NOT NULL,
     table_name TEXT NOT NULL,
     column_name TEXT NOT NULL,
     record TEXT NOT NULL,
     code TEXT NOT NULL,
     rotation INTEGER NOT NULL REFERENCES rotations (id),
     since TEXT NOT NULL,
     PRIMARY KEY (store, table_name, column_name, record)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE events (
     id INTEGER PRIMARY KEY,
     at TEXT NOT NULL,
     by TEXT NOT NULL,
     kind TEXT NOT NULL,
     rotation INTEGER REFERENCES rotations (id),
     detail TEXT NOT NULL CHECK (json_valid(detail))
   ) STRICT;`,
  `CREATE TABLE key_changes (
     n INTEGER PRIMARY KEY,
     id TEXT NOT NULL REFERENCES keys (id),
     was TEXT CHECK (was IN (${STATES})),
     state TEXT NOT NULL CHECK (state IN (${STATES})),
     at TEXT NOT NULL,
     who TEXT,
     cause TEXT NOT NULL,
     reason TEXT NOT NULL
   ) STRICT;
   INSERT INTO key_changes (id, was, state, at, who, cause, reason)
     SELECT id, NULL, state, since, NULL, 'migration', reason FROM keys
     -- a key that was replaced right behind the one that replaced it
     ORDER BY coalesce((SELECT next.since FROM keys AS next WHERE keys.reason = 'replaced by ' || next.id), since), state <> 'active', id;
   CREATE TABLE ledger_key (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     ledger TEXT NOT NULL,
     names TEXT NOT NULL,
     sealed BLOB NOT NULL,
     key_check BLOB NOT NULL,
     mac BLOB NOT NULL CHECK (length(mac) = 32)
   ) STRICT;
   CREATE TABLE key_receipts (key_id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
]

/** The newest version of the schema. */
export const SCHEMA_VERSION = MIGRATIONS.length

/** Brings a ledger to a version, the newest where none is named, in one transaction: a process killed here leaves the old one, or an empty file. */
export function migrate(db: Database, now: Date, to = SCHEMA_VERSION): void {
  if (db.pragma('user_version', { simple: true }) === to) return
  db.transaction(() => {
    const from = Number(db.pragma('user_version', { simple: true }))
    for (let version = from + 1; version <= to; version++) {
      db.exec(MIGRATIONS[version - 1]!)
      db.prepare('INSERT INTO migrations VALUES (?, ?)').run(version, now.toISOString())
    }
    db.pragma(`application_id = ${APPLICATION_ID}`, { simple: true })
    db.pragma(`user_version = ${to}`, { simple: true })
  }).immediate()
}
