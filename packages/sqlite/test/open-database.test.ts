import { temporaryFolder } from '@keyfold/test-support'
import Database from 'better-sqlite3'
import { existsSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openDatabase } from '../src/index.ts'
import { rejectionOf } from './support.ts'

function databaseIn(folder: string): string {
  const path = join(folder, 'app.db')
  new Database(path).exec("CREATE TABLE t (id INTEGER PRIMARY KEY, c); INSERT INTO t VALUES (1, 'x')").close()
  return path
}

describe('openDatabase', () => {
  test('opens what is there, for reading and writing or for reading alone', async () => {
    const path = databaseIn(temporaryFolder())
    const db = await openDatabase(path)
    db.exec("UPDATE t SET c = 'y'")
    expect(db.prepare('PRAGMA busy_timeout').get()).toEqual({ timeout: 5000 })
    db.close()
    const readonly = await openDatabase(path, { readonly: true, busyTimeout: 7 })
    expect(readonly.prepare('SELECT c FROM t').get()).toEqual({ c: 'y' })
    expect(() => readonly.exec("UPDATE t SET c = 'z'")).toThrow(/readonly/)
    expect(readonly.prepare('PRAGMA busy_timeout').get()).toEqual({ timeout: 7 })
    readonly.close()
  })

  test('follows a link, as SQLite does', async () => {
    const folder = temporaryFolder()
    symlinkSync(databaseIn(folder), join(folder, 'link.db'))
    const db = await openDatabase(join(folder, 'link.db'))
    expect(db.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 1 })
    db.close()
  })

  test.each([
    ['a missing file', (folder: string) => join(folder, 'none.db'), 'ERR_SQLITE_FILE_MISSING'],
    ['a missing folder', (folder: string) => join(folder, 'none', 'app.db'), 'ERR_SQLITE_FILE_MISSING'],
    ['a file as a folder', (folder: string) => join(databaseIn(folder), 'app.db'), 'ERR_SQLITE_FILE_MISSING'],
    ['a folder', (folder: string) => folder, 'ERR_SQLITE_OPEN'],
    ['what SQLite takes for a database in memory', () => ':memory:', 'ERR_SQLITE_FILE_MISSING'],
    ['a URI', (folder: string) => `file:${folder}/none.db?mode=rwc`, 'ERR_SQLITE_FILE_MISSING'],
    ['no path', () => '', 'ERR_SQLITE_OPEN'],
    ['a path with a zero byte', () => 'a\0b', 'ERR_SQLITE_OPEN'],
    ['a path that is none', () => 7 as unknown as string, 'ERR_SQLITE_OPEN'],
    ['a path that better-sqlite3 would shorten', (folder: string) => `${databaseIn(folder)} `, 'ERR_SQLITE_OPEN'],
  ])('refuses %s, and makes nothing', async (_title, pathIn, code) => {
    const folder = temporaryFolder()
    const path = pathIn(folder)
    const before = readdirSync(folder)
    expect((await rejectionOf(openDatabase(path))).code).toBe(code)
    expect(readdirSync(folder)).toEqual(before)
    expect(existsSync(':memory:')).toBe(false)
  })

  test.each([
    ['text', 'not a database at all, but longer than a header would be '.repeat(50)],
    ['random bytes', Buffer.alloc(8192, 0xa5)],
    ['a database that is cut', Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(10)])],
  ])('refuses %s', async (_title, content) => {
    const path = join(temporaryFolder(), 'app.db')
    writeFileSync(path, content)
    expect((await rejectionOf(openDatabase(path))).code).toBe('ERR_SQLITE_NOT_A_DATABASE')
  })

  test('refuses a database that another connection locks, after the wait', async () => {
    const path = databaseIn(temporaryFolder())
    const other = new Database(path)
    other.exec('BEGIN EXCLUSIVE')
    expect((await rejectionOf(openDatabase(path, { busyTimeout: 20 }))).code).toBe('ERR_SQLITE_BUSY')
    other.close()
  })

  test('abuse 39: refuses a misspelled option and a wait that is none', async () => {
    const path = databaseIn(temporaryFolder())
    expect((await rejectionOf(openDatabase(path, { readOnly: true } as never))).message).toMatch(
      /unknown option readOnly; did you mean readonly\?/,
    )
    for (const options of [{ readonly: 1 }, { busyTimeout: -1 }, { busyTimeout: 0.5 }, { busyTimeout: 2 ** 31 }]) {
      expect((await rejectionOf(openDatabase(path, options as never))).code).toBe('ERR_TABLE_OPTIONS')
    }
  })
})
