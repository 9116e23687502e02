import Sqlite from 'better-sqlite3'

/** A ledger as version 1 of its schema made it; a release wrote such files, so this never changes. */
export function createOldLedger(path: string): void {
  const db = new Sqlite(path)
  db.exec(`
    CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL) STRICT;
    CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO settings VALUES ('pseudonym key', randomblob(32));
    CREATE TABLE keys (
      id TEXT PRIMARY KEY,
      key_id TEXT NOT NULL UNIQUE CHECK (length(key_id) = 24),
      state TEXT NOT NULL CHECK (state IN ('pre-active', 'active', 'decrypt-only', 'disabled', 'compromised', 'destroyed')),
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
    CREATE TABLE pending_scrubs (store TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO migrations VALUES (1, '2026-01-01T00:00:00.000Z');
    PRAGMA application_id = 0x4b464c44;
    PRAGMA user_version = 1;`)
  db.close()
}
