import { describe, expect, test } from 'vitest'
import { sealedTable } from '../src/index.ts'
import { storeOf } from './rotating.ts'
import { errorOf, newDatabase, newKeyring } from './support.ts'

const T = (more = '', c = 'c TEXT', end = '') => `CREATE TABLE t (id INTEGER PRIMARY KEY, ${c}, other TEXT${more})${end}`

describe('what stands against sealing a column is named, by sealedTable and by the store, before anything is written', () => {
  const cases: ReadonlyArray<readonly [title: string, sql: string, problem: RegExp]> = [
    ['an index', `${T()}; CREATE INDEX by_c ON t (c)`, /^index by_c is on column c$/],
    ['an index of several columns', `${T()}; CREATE INDEX by_c ON t (other, c DESC)`, /^index by_c/],
    ['an index on an expression', `${T()}; CREATE INDEX low ON t (lower(C))`, /^index low/],
    ['a partial index', `${T()}; CREATE INDEX some ON t (other) WHERE c IS NOT NULL`, /^index some/],
    ['an index on the column in odd quotes', `${T()}; CREATE INDEX q ON t ([c])`, /^index q/],
    ['an index on an expression in odd quotes', `${T()}; CREATE INDEX q ON t (lower(/* here */ \`c\`))`, /^index q/],
    ['a unique index', `${T()}; CREATE UNIQUE INDEX u ON t (c)`, /^unique index u is on column c$/],
    ['UNIQUE', T('', 'c TEXT UNIQUE'), /^a UNIQUE constraint is on column c$/],
    ['UNIQUE over several columns', T(', UNIQUE (other, c)'), /^a UNIQUE constraint/],
    ['PRIMARY KEY', 'CREATE TABLE t (c TEXT PRIMARY KEY, id INTEGER NOT NULL UNIQUE)', /^column c is a part of the PRIMARY KEY of t$/],
    ['CHECK', T('', "c TEXT CHECK (c LIKE '%@%')"), /^a CHECK of t uses column c$/],
    ['CHECK of the table', T(', CONSTRAINT long_c CHECK (length("C") > 3)'), /^the CHECK long_c of t uses column c$/],
    [
      'a foreign key from the column',
      `CREATE TABLE p (k TEXT PRIMARY KEY); ${T('', 'c TEXT REFERENCES p')}`,
      /^a foreign key leads from t\.c to p$/,
    ],
    ['a foreign key to the column', `${T('', 'c TEXT')}; CREATE TABLE k (x REFERENCES t (c))`, /^a foreign key leads from k\.x to t\.c$/],
    ['a virtual generated column', T(', low TEXT AS (lower(c))'), /^generated column low uses column c$/],
    ['a stored generated column', T(', low TEXT GENERATED ALWAYS AS (lower(c)) STORED'), /^generated column low uses column c$/],
    ['a column that is generated', T('', 'c TEXT AS (other)'), /^column c is generated/],
    [
      'a trigger',
      `${T()}; CREATE TRIGGER g AFTER UPDATE ON t BEGIN INSERT INTO t (other) VALUES (OLD.c); END`,
      /^trigger g uses column c$/,
    ],
    [
      'a trigger that waits for the column',
      `${T()}; CREATE TRIGGER g AFTER UPDATE OF c ON t BEGIN SELECT 1; END`,
      /^trigger g uses column c$/,
    ],
    [
      'a trigger that copies all columns',
      `${T()}; CREATE TABLE l (a, b, c2); CREATE TRIGGER g AFTER INSERT ON t BEGIN
      INSERT INTO l SELECT * FROM t WHERE id = NEW.id; END`,
      /^trigger g reads all columns of t/,
    ],
    [
      'a trigger of another table',
      `${T()}; CREATE TABLE l (x); CREATE TRIGGER g AFTER INSERT ON l BEGIN DELETE FROM t WHERE c = NEW.x; END`,
      /^trigger g/,
    ],
    [
      'a trigger of a view',
      `${T()}; CREATE VIEW v AS SELECT id, c AS d FROM t; CREATE TRIGGER g INSTEAD OF INSERT ON v BEGIN
      INSERT INTO t (c) VALUES (NEW.d); END`,
      /^trigger g uses column c/,
    ],
    ['a trigger that reads the column by a view', `${T()}; CREATE VIEW v AS SELECT id, c AS d FROM t; CREATE VIEW w AS SELECT d AS e FROM v;
      CREATE TABLE l (x); CREATE TRIGGER g AFTER INSERT ON l BEGIN DELETE FROM l WHERE x IN (SELECT e FROM w); END`, /^trigger g uses the view w/],
    ['a TEMP trigger', `${T()}; CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN SELECT NEW.c; END`, /^trigger g uses column c/],
    [
      'an FTS5 table over the table',
      `${T()}; CREATE VIRTUAL TABLE f USING fts5(c, content='t', content_rowid='id')`,
      /^the full-text or virtual table f/,
    ],
    ['an FTS4 table over the table', `${T()}; CREATE VIRTUAL TABLE f USING fts4(content="t")`, /^the full-text or virtual table f/],
    [
      'an FTS5 table over a view',
      `${T()}; CREATE VIEW v AS SELECT id, c AS d FROM t; CREATE VIEW w AS SELECT * FROM v;
      CREATE VIRTUAL TABLE f USING fts5(d, content='w', content_rowid='id')`,
      /^the full-text or virtual table f/,
    ],
    [
      'a trigger that feeds an FTS table',
      `${T()}; CREATE VIRTUAL TABLE f USING fts5(words); CREATE TRIGGER feed AFTER INSERT ON t BEGIN
      INSERT INTO f (rowid, words) VALUES (NEW.id, NEW.c); END`,
      /^trigger feed uses column c$/,
    ],
    ['a STRICT column of numbers', T('', 'c INT', ' STRICT'), /^t is STRICT and column c is INT/],
    ['a STRICT column of reals', T('', 'c REAL', ' STRICT'), /^t is STRICT and column c is REAL/],
  ]

  test.each(cases)('%s', (_title, sql, problem) => {
    const db = newDatabase(sql)
    const store = storeOf(db)
    const before = db.serialize()
    const problems = store.check()
    expect(problems).toEqual([{ table: 't', column: 'c', problem: expect.stringMatching(problem) as string, hint: expect.stringMatching(/\w/) as string }])
    const error = errorOf(() => sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring: newKeyring() }))
    expect(error.code).toBe('ERR_TABLE_SCHEMA')
    expect(error.message).toContain(problems[0]!.problem)
    expect(db.serialize().equals(before)).toBe(true)
  })

  test('all of them at once, for each column', () => {
    const db = newDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, c TEXT UNIQUE CHECK (c > d), d); CREATE INDEX i ON t (d, c)')
    const problems = storeOf(db, 'id', ['c', 'd']).check()
    expect(problems.map(({ column, problem }) => `${column}: ${problem.split(' ')[1]}`).toSorted()).toEqual([
      'c: CHECK',
      'c: UNIQUE',
      'c: i',
      'd: CHECK',
      'd: i',
    ])
  })
})

describe('what does no harm is no problem', () => {
  test.each([
    ['NOT NULL, a COLLATE, a DEFAULT', T('', "c TEXT NOT NULL COLLATE NOCASE DEFAULT 'x'")],
    ['an index on another column, named as this one', `${T()}; CREATE INDEX c ON t (other)`],
    [
      'a CHECK, a generated column and a foreign key of other columns',
      `CREATE TABLE p (k TEXT PRIMARY KEY); ${T(", n TEXT CHECK (n <> 'd') REFERENCES p, m AS (other)")}`,
    ],
    [
      'a trigger that does not look at it',
      `${T()}; CREATE TRIGGER g AFTER UPDATE ON t BEGIN UPDATE t SET other = count(*) FROM (SELECT 1); END`,
    ],
    ['a trigger over a view without it', `${T()}; CREATE VIEW v AS SELECT id, other FROM t; CREATE TABLE l (x);
      CREATE TRIGGER g AFTER INSERT ON l BEGIN DELETE FROM l WHERE x IN (SELECT other FROM v); END`],
    ['a comment', T(', d /* CHECK (c) */ -- CHECK (c)\n')],
    ['a view', `${T()}; CREATE VIEW v AS SELECT c FROM t`],
    ['an FTS5 table of other columns', `${T()}; CREATE VIRTUAL TABLE f USING fts5(other, content='t', content_rowid='id')`],
    ['a STRICT column of text, bytes or anything', T('', 'c ANY, d BLOB, e TEXT', ' STRICT')],
    [
      'objects of another table with such a column',
      `${T()}; CREATE TABLE u (c UNIQUE CHECK (c > 1)); CREATE INDEX i ON u (c);
      CREATE TRIGGER g AFTER UPDATE ON u BEGIN SELECT NEW.c; END`,
    ],
  ])('%s', (_title, sql) => {
    expect(storeOf(newDatabase(sql)).check()).toEqual([])
  })

  test('its own index', () => {
    const db = newDatabase(T())
    const store = storeOf(db)
    store.prepare()
    expect(store.check()).toEqual([])
    expect(() => sealedTable(db, { table: 't', id: 'id', columns: ['c'], keyring: newKeyring() })).not.toThrow()
  })
})
