import { describe, expect, test } from 'vitest'
import { documents, kmsRotate } from './process.ts'
import { workspace } from './workspace.ts'

describe('kms-rotate run --unseal', () => {
  test('gives back the table as it was before Keyfold, value by value and type by type', async () => {
    const made = workspace(50)
    const image = 'SELECT customer_id, email, typeof(email) AS e, phone, typeof(phone) AS p FROM customers ORDER BY customer_id'
    made.sql("UPDATE customers SET email = x'00ff' WHERE customer_id = 7")
    const before = made.sql(image)
    expect((await kmsRotate(made.folder, ['run'])).code).toBe(0)
    expect(made.sql(image)).not.toEqual(before)
    const run = await kmsRotate(made.folder, ['run', '--unseal', '--confirm', 'plaintext'])
    expect([run.code, run.stdout]).toEqual([0, expect.stringContaining('unsealed')])
    expect(made.sql(image)).toEqual(before)
    const status = await kmsRotate(made.folder, ['status', '--json'])
    expect(documents(status.stdout)[0]).toMatchObject({ stores: [{ plaintext: 50, byKey: {} }, { plaintext: 45, byKey: {} }] })
  })

  test('without its confirmation, with a plan or with a reason it is wrong usage, and nothing is written', async () => {
    const made = workspace()
    await kmsRotate(made.folder, ['run'])
    const before = made.snapshot()
    for (const args of [[], ['--confirm', 'yes'], ['--confirm', 'plaintext', '--reason', 'compromise']]) {
      expect((await kmsRotate(made.folder, ['run', '--unseal', ...args])).code).toBe(64)
    }
    expect((await kmsRotate(made.folder, ['run', '--confirm', 'plaintext'])).code).toBe(64)
    expect(made.snapshot()).toEqual(before)
  })
})
