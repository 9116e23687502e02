import { chmodSync, writeFileSync, existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyring } from '@keyfold/core'
import { createKeyFile, keyFile } from '@keyfold/core/key-file'
import { temporaryFolder } from '@keyfold/test-support'
import { describe, expect, test } from 'vitest'
import { openLedger, rotate } from '../../src/index.ts'
import { kmsRotate } from './process.ts'
import { workspace } from './workspace.ts'

describe('a command ends with', () => {
  test('2 where work is left and somebody asks, 0 where nobody asks', async () => {
    const { folder } = workspace()
    const codes = [
      await kmsRotate(folder, ['status']),
      await kmsRotate(folder, ['status', '--exit-code']),
      await kmsRotate(folder, ['plan', '--exit-code']),
    ]
    expect(codes.map(({ code }) => code)).toEqual([0, 2, 2])
  })

  test('5 where the active key is overdue and somebody asks', async () => {
    const { folder, configure } = workspace()
    configure((config) => (config.policy = { cryptoperiodDays: 1 }))
    const ledger = await openLedger(join(folder, 'ledger.db'), () => '2020-01-01T00:00:00.000Z')
    await rotate({ stores: [], keyring: createKeyring({ active: keyFile(join(folder, 'first.key')) }), ledger })
    ledger.close()
    await kmsRotate(folder, ['run'])
    expect((await kmsRotate(folder, ['status'])).code).toBe(0)
    expect((await kmsRotate(folder, ['status', '--exit-code'])).code).toBe(5)
  })

  test('10 without a config', async () => {
    expect((await kmsRotate(temporaryFolder(), ['status'])).code).toBe(10)
  })

  test('12 where a key file is missing, readable by others, or another key under the same name', async () => {
    const { folder, configure } = workspace()
    await kmsRotate(folder, ['run'])
    configure(({ keyring }) => (keyring.active = 'key-file:./third.key'))
    const missing = await kmsRotate(folder, ['run'])
    configure(({ keyring }) => (keyring.active = 'key-file:./first.key'))
    chmodSync(join(folder, 'first.key'), 0o644)
    const open = await kmsRotate(folder, ['run'])
    const { rmSync } = await import('node:fs')
    rmSync(join(folder, 'first.key'))
    createKeyFile(join(folder, 'first.key'))
    const other = await kmsRotate(folder, ['verify'])
    expect([missing, open, other].map(({ code, stderr }) => [code, /code: {2}(\w+)/.exec(stderr)?.[1]])).toEqual([
      [12, 'ERR_KEY_FILE_MISSING'],
      [12, 'ERR_KEY_FILE_ACCESS'],
      [12, 'ERR_KEY_MISMATCH'],
    ])
  })

  test('4 where the ledger was edited, 12 where a decrypt-only key is to be active again, 14 before a cool-off is over', async () => {
    const { folder, configure } = workspace()
    await kmsRotate(folder, ['run'])
    const keyring = (active: string, old: string): void => {
      const keys = { active: `key-file:./${active}.key`, decryptOnly: [`key-file:./${old}.key`] }
      configure((config) => Object.assign(config.keyring, keys))
    }
    keyring('second', 'first')
    await kmsRotate(folder, ['run'])
    keyring('first', 'second')
    const again = await kmsRotate(folder, ['run'])
    keyring('second', 'first')
    await kmsRotate(folder, ['retire', 'key-file:first'])
    const early = await kmsRotate(folder, ['keys', 'destroy', 'key-file:first', '--confirm=key-file:first', '--json'])
    const { default: Database } = await import('better-sqlite3')
    const ledger = new Database(join(folder, 'ledger.db'))
    ledger.exec("UPDATE keys SET state = 'decrypt-only'")
    ledger.close()
    const looking = [['plan'], ['plan', '--no-scan'], ['verify'], ['verify', '--full'], ['status'], ['keys', 'list']]
    const looked = async () => {
      for (const args of looking) {
        const { code, stdout, stderr } = await kmsRotate(folder, args)
        expect([args, code, stdout]).toEqual([args, 4, ''])
        expect(stderr).toContain('ERR_LEDGER_ALTERED')
      }
    }
    await looked()
    const edited = await kmsRotate(folder, ['run'])
    // Not even where the row speaks of the key that the MAC is checked with.
    const other = new Database(join(folder, 'ledger.db'))
    other.exec("UPDATE keys SET state = 'disabled' WHERE id = 'key-file:second'")
    other.close()
    await looked()
    expect([again, early, edited].map(({ code, stderr }) => [code, /ERR_\w+/.exec(stderr)?.[0]])).toEqual([
      [12, 'ERR_KEY_STATE'],
      [14, 'ERR_COOL_OFF'],
      [4, 'ERR_LEDGER_ALTERED'],
    ])
    expect(existsSync(join(folder, 'first.key'))).toBe(true)
  })

  test('14 where a plan was edited, or is none', async () => {
    const { folder } = workspace()
    await kmsRotate(folder, ['plan', '--out', 'p.json'])
    const { readFileSync } = await import('node:fs')
    writeFileSync(join(folder, 'p.json'), readFileSync(join(folder, 'p.json'), 'utf8').replace('"rotation"', '"compromise"'))
    const edited = await kmsRotate(folder, ['run', 'p.json'])
    const none = await kmsRotate(folder, ['run', 'kms-rotate.config.json'])
    expect([edited.code, none.code]).toEqual([14, 14])
    expect(existsSync(join(folder, 'ledger.db'))).toBe(false)
  })

  test('14 where the policy asks for approvals, on every command that reads the config', async () => {
    const { folder, configure, snapshot } = workspace()
    configure((config) => (config.policy = { approvals: 2 }))
    const before = snapshot()
    for (const args of [['status'], ['plan'], ['run'], ['verify'], ['keys', 'list'], ['retire', 'key-file:first']])
      expect((await kmsRotate(folder, args)).code).toBe(14)
    expect(snapshot()).toEqual(before)
  })

  test('6 when its time is over, with everything saved: the next run does the rest', async () => {
    const { folder } = workspace(4000)
    const { code, stderr } = await kmsRotate(folder, ['run', '--gentle', '--max-duration', '1s'])
    expect([code, stderr]).toEqual([6, expect.stringContaining('stopped, as its time is over')])
    expect((await kmsRotate(folder, ['status', '--exit-code'])).code).toBe(2)
    expect((await kmsRotate(folder, ['run', '--threads', '1', '--batch', '1000'])).code).toBe(0)
  })

  test.each([
    ['--max-duration', '0s'], ['--max-duration', '30'], ['--max-duration', '999h'], ['--kms-rps', '0'], ['--kms-rps', '-1'], ['--concurrency', '257'],
    ['--max-errors', '0'], ['--threads', '3'],
  ])('64 for %s %s', async (flag, value) => {
    const { folder, snapshot } = workspace(3)
    const before = snapshot()
    expect((await kmsRotate(folder, ['run', flag, value])).code).toBe(64)
    expect(snapshot()).toEqual(before)
  })

  test('130 on Ctrl-C in a run, with everything saved: the next run does the rest', async () => {
    const { folder } = workspace(20_000)
    const { code, stderr } = await kmsRotate(folder, ['run', '--batch', '50'], {
      onStart: (child) => {
        const watch = setInterval(() => {
          if (!existsSync(join(folder, 'ledger.db'))) return
          clearInterval(watch)
          setTimeout(() => child.kill('SIGINT'), 300)
        }, 10)
      },
    })
    expect(stderr).toContain('stopping: the batch is being finished')
    expect(code).toBe(130)
    expect((await kmsRotate(folder, ['status', '--exit-code'])).code).toBe(2)
    expect((await kmsRotate(folder, ['run'])).code).toBe(0)
    expect((await kmsRotate(folder, ['verify', '--full'])).code).toBe(0)
  })
})

describe('files', () => {
  test('plan and status leave the folder as it is', async () => {
    const { folder, snapshot } = workspace()
    const before = snapshot()
    await kmsRotate(folder, ['status'])
    await kmsRotate(folder, ['plan'])
    await kmsRotate(folder, ['verify'])
    expect(snapshot()).toEqual(before)
  })

  test('keys create makes the folder that --out names, for its owner alone', async () => {
    const { folder } = workspace()
    expect((await kmsRotate(folder, ['keys', 'create', 'third', '--out', 'vault/keys'])).code).toBe(0)
    expect(statSync(join(folder, 'vault', 'keys')).mode & 0o777).toBe(0o700)
    expect(statSync(join(folder, 'vault', 'keys', 'third.key')).mode & 0o777).toBe(0o600)
  })

  test('keys create makes a file of mode 600, and never replaces one', async () => {
    const { folder } = workspace()
    const { code, stdout } = await kmsRotate(folder, ['keys', 'create', 'third', '--out', folder, '--json'])
    expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({ code: 0, id: 'key-file:third', path: join(folder, 'third.key') })
    expect(statSync(join(folder, 'third.key')).mode & 0o777).toBe(0o600)
    const again = await kmsRotate(folder, ['keys', 'create', join(folder, 'third.key')])
    expect(again.stderr).toContain('ERR_KEY_FILE_EXISTS')
  })

  test('a plan never replaces a file that is not one', async () => {
    const { folder, snapshot } = workspace()
    const before = snapshot()
    expect((await kmsRotate(folder, ['plan', '--out', 'app.db'])).code).toBe(64)
    expect(snapshot()).toEqual(before)
    await kmsRotate(folder, ['plan', '--out', 'p.json'])
    expect((await kmsRotate(folder, ['plan', '--out', 'p.json'])).code).toBe(0)
  })

  test('a config in TypeScript is read, with defineConfig and paths from its own folder', async () => {
    const { folder } = workspace()
    writeFileSync(
      join(folder, 'own.config.ts'),
      `import { defineConfig } from '@keyfold/rotation'
const columns: readonly string[] = ['email']
export default defineConfig({
  keyring: { active: 'key-file:./first.key' },
  stores: [{ type: 'sqlite', path: './app.db', tables: [{ table: 'customers', id: 'customer_id', columns }] }],
})
`,
    )
    const { code, stdout } = await kmsRotate(join(folder, '..'), ['status', '--json', '--config', join(folder, 'own.config.ts')])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ stores: [{ column: 'email', plaintext: 20 }] })
  })
})
