/** Abuse cases 8, 9 and 10, as a table shows them. */
import { describe, expect, test } from 'vitest'
import { sealedTable } from '../src/index.ts'
import { newDatabase, newKeyring, rejectionOf } from './support.ts'

function notes() {
  const db = newDatabase('CREATE TABLE notes (id INTEGER PRIMARY KEY, a, b TEXT); CREATE TABLE others (id INTEGER PRIMARY KEY, a, b TEXT)')
  const keyring = newKeyring()
  const [table, others] = ['notes', 'others'].map((name) => sealedTable(db, { table: name, id: 'id', columns: ['a', 'b'], keyring }))
  return { db, table: table!, others: others! }
}

describe('abuse 8: a cell that was moved does not open', () => {
  test.each([
    ['two rows', 'CREATE TEMP TABLE was AS SELECT id, a FROM notes; UPDATE notes SET a = (SELECT a FROM was WHERE was.id = 3 - notes.id)'],
    ['two columns', 'UPDATE notes SET a = b, b = a'],
    ['two tables', 'UPDATE notes SET a = (SELECT a FROM others WHERE others.id = notes.id)'],
    ['the row to another id', 'UPDATE notes SET id = id + 10'],
  ])('%s swapped', async (_title, sql) => {
    const { db, table, others } = notes()
    for (const id of [1, 2]) {
      await table.put(id, { a: `a${id}`, b: `b${id}` })
      await others.put(id, { a: `a${id}`, b: `b${id}` })
    }
    db.exec(sql)
    for (const { id } of db.prepare('SELECT id FROM notes').all() as Array<{ id: number }>) {
      const error = await rejectionOf(table.get(id))
      expect(error.code).toBe('ERR_NOT_AUTHENTIC')
      expect(error.message).toMatch(/^notes\.[ab]: /)
    }
  })
})

test('abuse 9: an older cell of the same row and column opens; docs/sqlite.md says so', async () => {
  const { db, table } = notes()
  await table.put(1, { a: 'old' })
  const { a } = db.prepare('SELECT a FROM notes').get() as { a: Buffer }
  await table.put(1, { a: 'new' })
  db.prepare('UPDATE notes SET a = ?').run(a)
  expect((await table.get(1))!['a']).toBe('old')
})

describe('abuse 10: what is not sealed is never passed through', () => {
  test.each([
    ['text', 'plaintext', 'ERR_NOT_SEALED'],
    ['text that begins a little alike', 'kf', 'ERR_NOT_SEALED'],
    ['a number', 42, 'ERR_NOT_SEALED'],
    ['bytes', Buffer.from('plaintext'), 'ERR_NOT_SEALED'],
    ['empty bytes', Buffer.alloc(0), 'ERR_NOT_SEALED'],
    ['the text form as bytes', Buffer.from('kf1.S0YBAQAB'), 'ERR_NOT_SEALED'],
    ['a ciphertext of age', '-----BEGIN AGE ENCRYPTED FILE-----', 'ERR_NOT_SEALED'],
    ['a Fernet token', 'gAAAAABmX2lk', 'ERR_NOT_SEALED'],
    ['a version to come, in text', 'kf2.S0YC', 'ERR_ENVELOPE_VERSION'],
    ['a version to come, in bytes', Buffer.from('KF\x02 and so on'), 'ERR_ENVELOPE_VERSION'],
    ['an envelope that is cut', Buffer.from('KF\x01'), 'ERR_ENVELOPE_MALFORMED'],
    ['a text form that is no base64url', 'kf1.S0YB!!!!', 'ERR_ENVELOPE_MALFORMED'],
  ])('%s', async (_title, value, code) => {
    const { db, table } = notes()
    await table.put(1, { b: 'sealed' })
    db.prepare('UPDATE notes SET a = ?').run(value)
    for (const read of [
      () => table.get(1),
      () => table.all(),
      async () => {
        for await (const row of table.iterate()) expect(row).toBeUndefined()
      },
    ]) {
      const error = await rejectionOf(read())
      expect(error.code).toBe(code)
      expect(error.message).toMatch(/^notes\.a: /)
      expect(JSON.stringify([error.message, error.hint, String(error.cause)])).not.toContain('plaintext"')
    }
  })
})
