import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot, requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { parseConfig } from '../../src/parse-config.ts'
import { kmsRotate } from './process.ts'
import { workspace } from './workspace.ts'

const DEPLOY = join(repositoryRoot, 'deploy')
const CONFIG = '/etc/kms-rotate/kms-rotate.config.json'
const read = (...path: string[]): string => readFileSync(join(DEPLOY, ...path), 'utf8')

interface CronJob {
  readonly kind: string
  readonly data?: Readonly<Record<string, string>>
  readonly spec: { readonly schedule: string; readonly jobTemplate: { readonly spec: { readonly template: { readonly spec: PodSpec } } } }
}
interface PodSpec {
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly containers: ReadonlyArray<{
    readonly command: readonly string[]
    readonly args: readonly string[]
    readonly securityContext: Readonly<Record<string, unknown>>
    readonly volumeMounts: ReadonlyArray<{ readonly name: string; readonly mountPath: string }>
  }>
}
interface Workflow {
  readonly on: { readonly schedule: ReadonlyArray<{ readonly cron: string }> }
  readonly permissions: object
  readonly jobs: Readonly<Record<string, { readonly steps: ReadonlyArray<{ readonly run?: string }> }>>
}

const CRON_TIME = /^\d+ \d+ \* \* \*$/
const units = readdirSync(join(DEPLOY, 'systemd'))

function kubernetes(): { jobs: readonly CronJob[]; config: string } {
  const documents = parseAllDocuments(read('kubernetes', 'cronjobs.yaml')).map((document) => {
    expect(document.errors).toEqual([])
    return document.toJS() as CronJob
  })
  const [map, ...jobs] = documents
  return { jobs, config: map!.data!['kms-rotate.config.json']! }
}

/** Every command line of every file, as words. */
function commands(): Record<string, string[][]> {
  const inText = (text: string): string[][] =>
    Array.from(text.matchAll(/(?:^|[\s(/=])kms-rotate ((?:status|run|plan|verify|retire|keys)\b[^|)\n>]*?)(?= 2>| \||$)/gm), ([, line]) => line!.trim().split(' '))
  const workflow = parse(read('github', 'kms-rotate.yml')) as Workflow
  return {
    systemd: units.flatMap((unit) => inText(read('systemd', unit))),
    cron: inText(read('cron', 'kms-rotate')),
    kubernetes: kubernetes().jobs.flatMap(({ spec }) => spec.jobTemplate.spec.template.spec.containers.map(({ args }) => [...args])),
    github: Object.values(workflow.jobs).flatMap(({ steps }) => steps.flatMap(({ run = '' }) => inText(run))),
  }
}

describe('the files in deploy/', () => {
  test('each kind checks, and none retires or destroys a key by itself', () => {
    for (const [kind, lines] of Object.entries(commands())) {
      expect([kind, lines.filter(([verb, flag]) => verb === 'status' && flag === '--check').length]).toEqual([kind, 1])
      expect(lines.filter(([verb]) => verb !== 'status' && verb !== 'run')).toEqual([])
    }
    const all = ['systemd', 'cron', 'kubernetes', 'github'].flatMap((folder) => readdirSync(join(DEPLOY, folder)).map((file) => read(folder, file)))
    for (const text of all) expect(text).not.toMatch(/retire|destroy/)
  })

  test('their commands run as they stand', async () => {
    const { folder } = workspace(3)
    const lines = [...new Set(Object.values(commands()).flat().map((words) => words.join(' ')))].sort()
    expect(lines).toHaveLength(3)
    for (const line of lines) {
      const args = line.split(' ').map((word) => (word === CONFIG ? join(folder, 'kms-rotate.config.json') : word))
      const { code, stderr } = await kmsRotate('/', args)
      expect([line, code, stderr.includes('error:')]).toEqual([line, 0, false])
    }
  })

  test('the Kubernetes jobs run as nobody, on a root that is read-only, with keys from /run/secrets, and their config is one', () => {
    const { jobs, config } = kubernetes()
    expect(jobs.map(({ kind }) => kind)).toEqual(['CronJob', 'CronJob'])
    for (const { spec } of jobs) {
      const pod = spec.jobTemplate.spec.template.spec
      expect(spec.schedule).toMatch(CRON_TIME)
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true })
      expect(pod.containers[0]!.command).toEqual(['kms-rotate'])
      const rights = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } }
      expect(pod.containers[0]!.securityContext).toEqual(rights)
      expect(pod.containers[0]!.volumeMounts.map(({ mountPath }) => mountPath)).toContain('/run/secrets/kms-rotate')
    }
    const { keyring, ledger } = parseConfig(JSON.parse(config), 'the config')
    expect([keyring.active, ledger]).toEqual(['key-file:/run/secrets/kms-rotate/2026q4.key', '/data/kms-rotate.ledger.db'])
  })

  test('the workflow has a schedule and no permissions', () => {
    const { on, permissions } = parse(read('github', 'kms-rotate.yml')) as Workflow
    expect(on.schedule[0]!.cron).toMatch(CRON_TIME)
    expect(permissions).toEqual({})
  })

  test('the crontab has a time, a user and a command in each line, and no % that cron would take for a line end', () => {
    const lines = read('cron', 'kms-rotate').split('\n').filter((line) => /^\d/.test(line))
    expect(lines).toHaveLength(2)
    for (const line of lines) expect(line).toMatch(/^\d+ \d+ \* \* \* {2}kms-rotate {2}[^%]+$/)
  })

  test.each([
    ['is silent when all is well', '', 0, ''],
    ['passes a warning on', 'warning: due', 0, 'warning: due\n'],
    ['passes a failure on', 'left', 2, 'left\n'],
  ])(
    'the check of the crontab %s', (_, says, code, mailed) => {
      const folder = temporaryFolder()
      writeFileSync(join(folder, 'kms-rotate'), `#!/bin/sh\necho "${says}" >&2\nexit ${code}\n`, { mode: 0o755 })
      const [, line] = /^\d.*? {2}kms-rotate {2}(.*status.*)$/m.exec(read('cron', 'kms-rotate'))!
      const { stdout } = spawnSync('/bin/sh', ['-c', line!], { env: { PATH: `${folder}:/usr/bin:/bin` }, encoding: 'utf8' })
      expect(stdout).toBe(mailed)
    },
  )

  test('systemd has nothing against its units', (context) => {
    requireOrSkip(context, spawnSync('systemd-analyze', ['--version']).status === 0, 'no systemd-analyze')
    const folder = temporaryFolder()
    for (const unit of units) {
      // verify looks for the program, which is not installed here
      const text = read('systemd', unit).replace('/usr/local/bin/kms-rotate', process.execPath)
      writeFileSync(join(folder, unit), text)
    }
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', ...units.map((unit) => join(folder, unit))], { encoding: 'utf8' })
    expect({ status, stderr: stderr.split('\n').filter((line) => line.includes(folder) || /kms-rotate/.test(line)) }).toEqual({ status: 0, stderr: [] })
  })
})
