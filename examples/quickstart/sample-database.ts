import { faker } from '@faker-js/faker'
import BetterSqlite3 from 'better-sqlite3'

const CUSTOMERS = 10_000

/** Makes a database of made-up customers, the same ones every time. Some columns are NULL, one holds numbers, one holds bytes. */
export function makeSampleDatabase(path: string): void {
  faker.seed(20_261_123)
  const db = new BetterSqlite3(path)
  db.pragma('journal_mode = WAL')
  db.exec(`CREATE TABLE customers (
    customer_id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT, birth_date TEXT, notes BLOB, country TEXT, created_at TEXT
  )`)
  const insert = db.prepare('INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const created = new Date('2026-07-01T00:00:00Z').toISOString()
  db.transaction(() => {
    for (let id = 1; id <= CUSTOMERS; id++) {
      const [first, last] = [faker.person.firstName(), faker.person.lastName()]
      const email = faker.internet.email({ firstName: first, lastName: last }).toLowerCase()
      const birth = faker.date.birthdate({ refDate: created }).toISOString().slice(0, 10)
      const notes = id % 3 === 0 ? null : Buffer.from(faker.lorem.sentence())
      insert.run(
        id,
        `${first} ${last}`,
        email,
        id % 7 === 0 ? null : faker.phone.number(),
        birth,
        notes,
        faker.location.countryCode(),
        created,
      )
    }
  })()
  db.close()
}
