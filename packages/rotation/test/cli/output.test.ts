import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { documents, kmsRotate } from './process.ts'
import { workspace } from './workspace.ts'

const ESCAPE = '\u001B'

describe('--json', () => {
  test('gives documents of one schema on stdout, and nothing on stderr', async () => {
    const { folder } = workspace()
    const types: unknown[] = []
    for (const args of [['keys', 'list'], ['status'], ['plan', '--out', 'p.json'], ['run', 'p.json'], ['verify', '--full'], ['status']]) {
      const { code, stdout, stderr } = await kmsRotate(folder, [...args, '--json'])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      for (const document of documents(stdout)) {
        expect(document['schema']).toBe('kms-rotate/1')
        types.push(document['message_type'])
      }
    }
    expect(types).toEqual(['keys', 'status', 'plan', 'progress', 'run', 'progress', 'verify', 'status'])
  })

  test('gives status in the shape of the architecture', async () => {
    const { folder } = workspace()
    await kmsRotate(folder, ['run'])
    const [status] = documents((await kmsRotate(folder, ['--json', 'status'])).stdout)
    expect(status).toEqual({
      schema: 'kms-rotate/1',
      message_type: 'status',
      keys: [{ id: 'key-file:first', state: 'active', records: 38, due: null }],
      stores: [
        { store: './app.db', table: 'customers', column: 'email', total: 20, null: 0, plaintext: 0, byKey: { 'key-file:first': 20 } },
        { store: './app.db', table: 'customers', column: 'phone', total: 20, null: 2, plaintext: 0, byKey: { 'key-file:first': 18 } },
      ],
      rotation: null,
      ledgerKey: { keys: ['key-file:first'], verified: true, problem: null },
    })
  })

  test('gives the plan as its file has it', async () => {
    const { folder } = workspace()
    const [plan] = documents((await kmsRotate(folder, ['plan', '--out', 'p.json', '--json'])).stdout)
    expect(plan).toEqual(JSON.parse(readFileSync(join(folder, 'p.json'), 'utf8')))
  })

  test('gives errors on stderr, with code, message and hint', async () => {
    const { folder } = workspace()
    const { stdout, stderr } = await kmsRotate(folder, ['status', '--config', 'nowhere.json', '--json'])
    expect(stdout).toBe('')
    const [error] = documents(stderr)
    expect(error).toMatchObject({ message_type: 'error', code: 'ERR_CONFIG_MISSING', message: 'there is no file nowhere.json' })
    expect(Object.keys(error!)).toEqual(['schema', 'message_type', 'code', 'message', 'hint'])
  })
})

describe('for people', () => {
  test('progress in a pipe is lines without escape codes, one at the end', async () => {
    const { folder } = workspace(1000)
    const { stdout, stderr } = await kmsRotate(folder, ['run'])
    expect(stdout + stderr).not.toContain(ESCAPE)
    expect(stdout + stderr).not.toContain('\r')
    expect(stderr.match(/^rotated 1,900 of 1,900 records/gm)).toHaveLength(1)
  })

  test('an error has no stack, and has one with --debug', async () => {
    const { folder } = workspace(1)
    const quiet = await kmsRotate(folder, ['status', '--config', 'nowhere.json'])
    const loud = await kmsRotate(folder, ['status', '--config', 'nowhere.json', '--debug'])
    expect(quiet.stderr).toMatch(/^error: there is no file nowhere.json\nhint: {2}.*\ncode: {2}ERR_CONFIG_MISSING\n$/)
    expect(loud.stderr).toMatch(/\n {4}at /)
  })

  test('no key, and no value of a row, is ever printed', async () => {
    const { folder } = workspace()
    const secrets = ['first', 'second'].map((name) => readFileSync(join(folder, `${name}.key`), 'utf8').trim())
    let all = ''
    for (const args of [
      ['keys', 'list'],
      ['status'],
      ['plan'],
      ['run'],
      ['verify', '--full'],
      ['inspect', '--db', 'app.db', '--table', 'customers', '--column', 'email', '--id', '7'],
    ])
      for (const more of [[], ['--json', '--debug']]) {
        const { stdout, stderr } = await kmsRotate(folder, [...args, ...more])
        all += stdout + stderr
      }
    for (const secret of [...secrets, 'person7@example.org', '+44 20']) expect(all).not.toContain(secret)
  })

  test('a name cannot steer the terminal', async () => {
    const { folder } = workspace(1)
    const { stderr } = await kmsRotate(folder, ['inspect', `a${ESCAPE}[2J\u202Eb\rc`])
    expect(stderr).toContain('there is no file a\uFFFD[2J\uFFFDb\uFFFDc\n')
  })

  test('a reader that goes away does not make a command fail', async () => {
    const { folder } = workspace(200)
    const main = join(import.meta.dirname, '../../src/cli/main.ts')
    const command = '"$0" --conditions=@keyfold/source "$1" run --json 2>err.txt | true; echo "${PIPESTATUS[0]}"'
    const child = spawn('bash', ['-c', command, process.execPath, main], { cwd: folder })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    await new Promise((resolve) => child.on('close', resolve))
    expect({ code: out, stderr: readFileSync(join(folder, 'err.txt'), 'utf8') }).toEqual({ code: '0\n', stderr: '' })
    expect((await kmsRotate(folder, ['status', '--exit-code'])).code).toBe(0)
  })
})
