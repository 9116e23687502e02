/** Scrubs a database while the system makes writes fail, and prints what remains. */
import { openDatabase, sqliteStore } from '../../src/index.ts'

const store = sqliteStore(await openDatabase(process.argv[2]!), { tables: [{ table: 't', id: 'id', columns: ['c'] }] })
process.stdout.write(JSON.stringify(store.scrub()))
