/** On what, and with what, a run was made. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  /** Processes that wanted a core, on an average of a minute, when the run began: over `cores`, the figures are those of a busy machine. */
  readonly load: number
  readonly system: string
  readonly node: string
  /** The one in Node. */
  readonly openssl: string
  readonly packages: Readonly<Record<string, string>>
  /** MB/s of the openssl command's own loop, or the reason why there are none. */
  readonly opensslSpeed: Readonly<Record<string, number>> | string
}

const packagesFolder = join(import.meta.dirname, '..', 'packages')
const PACKAGES = ['core', 'sqlite', 'rotation', 'kms-emulator']

export function machine(load: number, quick: boolean): Machine {
  const version = (name: string): [string, string] => {
    const manifest = JSON.parse(readFileSync(join(packagesFolder, name, 'package.json'), 'utf8')) as { name: string; version: string }
    return [manifest.name, manifest.version]
  }
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    load: Math.round(load * 10) / 10,
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    openssl: process.versions.openssl,
    packages: Object.fromEntries(PACKAGES.map(version)),
    opensslSpeed: opensslSpeed(quick),
  }
}

const ALGORITHMS = ['aes-256-gcm', 'aes-256-ctr', 'sha512']
const BLOCK = 16_384

/** What the processor gives to a C program, at 16 KiB a call. */
function opensslSpeed(quick: boolean): Machine['opensslSpeed'] {
  if (quick) return 'left out of a quick run'
  const speeds: Record<string, number> = {}
  for (const algorithm of ALGORITHMS) {
    const { stdout, error, status } = spawnSync('openssl', ['speed', '-mr', '-seconds', '1', '-bytes', String(BLOCK), '-evp', algorithm], {
      encoding: 'utf8',
    })
    if (error !== undefined) return `openssl speed did not run: ${error.message}`
    // the last line of its machine-readable output: +F:number:name:bytes/s
    const speed = /^\+F:\d+:[^:]+:([\d.]+)$/m.exec(stdout)?.[1]
    if (status !== 0 || speed === undefined) return `openssl speed ended with ${status} and printed no speed of ${algorithm}`
    speeds[algorithm] = Math.round(Number(speed) / 1e6)
  }
  return speeds
}

/** The machine in a few lines. */
export function machineLines({ cpu, cores, load, system, node, openssl, packages, opensslSpeed: speed }: Machine): string[] {
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`)
  const speeds = typeof speed === 'string' ? speed : `openssl speed: ${Object.entries(speed).map(([name, mb]) => `${name} ${mb} MB/s`).join(', ')}`
  return [`${cores} x ${cpu}, ${system}, load ${load}`, `Node ${node}, OpenSSL ${openssl}; ${versions.join(', ')}`, speeds]
}
