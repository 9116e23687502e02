import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess, SpawnSyncReturns } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A D-Bus session of its own with a real GNOME Keyring, as a desktop has them; away from the user's own. */
export interface KeychainSession {
  /** What a process needs to reach it. */
  readonly env: Readonly<Record<string, string>>
  /** Whether anybody was ever asked to unlock the keychain. */
  wasPrompted(): boolean
  lock(): void
  /** Stops the daemon without ending it: it keeps its name and answers nothing. */
  freeze(): void
  killDaemon(): void
  stop(): void
}

export interface KeychainSessionOptions {
  /**
   * `unlocked` by default; `cold`: the bus starts it when it is first asked, and nobody unlocks it; `none`: no keychain service is installed.
   */
  readonly daemon?: 'unlocked' | 'cold' | 'none'
  /** What becomes of a prompt: it is refused at once, or nobody answers it (by default). */
  readonly prompt?: 'refused' | 'unanswered'
  /** A folder of an earlier session, whose keychain is there already. */
  readonly home?: string
}

/** Why a session cannot be started here; undefined where it can. */
export function noKeychainSession(): string | undefined {
  const missing = ['dbus-daemon', 'dbus-send', 'gnome-keyring-daemon'].filter((program) => spawnSync(program, ['--version']).error !== undefined)
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed (Debian: gnome-keyring dbus)`
}

/** Why keytar cannot be used here; undefined where it can. */
export function noKeytar(): string | undefined {
  try {
    createRequire(import.meta.url)('keytar')
    return undefined
  } catch {
    return 'keytar was not built (Debian: libsecret-1-dev pkg-config make g++; then pnpm install --force)'
  }
}

const PASSWORD = 'insecure password of a test keychain'

/** Starts a session. `stop` ends it; what it kept is gone, unless `home` was given. */
export async function startKeychainSession(options: KeychainSessionOptions = {}): Promise<KeychainSession> {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-keychain-'))
  const home = options.home ?? folder
  const asked = join(folder, 'asked')
  const bus = spawn('dbus-daemon', ['--nofork', '--print-address', `--config-file=${busConfig(folder, asked, options)}`], {
    env: environment(home),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const address = (await firstLine(bus)).trim()
  const env = { ...environment(home), DBUS_SESSION_BUS_ADDRESS: address }
  const daemon = (options.daemon ?? 'unlocked') === 'unlocked' ? await unlockedDaemon(env) : undefined
  return {
    env,
    wasPrompted: () => existsSync(asked),
    lock: () => void busCall(env, 'org.freedesktop.Secret.Service.Lock', 'array:objpath:/org/freedesktop/secrets/collection/login'),
    freeze: () => void daemon?.kill('SIGSTOP'),
    killDaemon: () => void daemon?.kill('SIGKILL'),
    stop: () => {
      daemon?.kill('SIGKILL')
      bus.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Nothing of the user's: neither his keychain nor his display. */
function environment(home: string): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: home, XDG_RUNTIME_DIR: home, XDG_DATA_HOME: join(home, 'data') }
}

/** The bus knows no services but those that stand here, so that a prompt shows itself. */
function busConfig(folder: string, asked: string, { daemon, prompt }: KeychainSessionOptions): string {
  const services = join(folder, 'services')
  mkdirSync(services)
  const service = (name: string, command: string): void =>
    writeFileSync(join(services, `${name}.service`), `[D-BUS Service]\nName=${name}\nExec=${command}\n`)
  const answer = prompt === 'refused' ? 'exit 1' : 'sleep 20'
  service('org.gnome.keyring.SystemPrompter', `/bin/sh -c "touch ${asked}; ${answer}"`)
  if (daemon === 'cold') service('org.freedesktop.secrets', '/usr/bin/gnome-keyring-daemon --start --foreground --components=secrets')
  const file = join(folder, 'bus.conf')
  writeFileSync(
    file,
    `<busconfig><type>session</type><listen>unix:dir=${folder}</listen><auth>EXTERNAL</auth><servicedir>${services}</servicedir>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`,
  )
  return file
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [text] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string]
  return text
}

async function unlockedDaemon(env: Record<string, string>): Promise<ChildProcess> {
  const daemon = spawn('gnome-keyring-daemon', ['--unlock', '--foreground', '--components=secrets'], { env, stdio: ['pipe', 'ignore', 'ignore'] })
  daemon.stdin.end(PASSWORD)
  for (let tries = 0; tries < 600; tries++) {
    const { status, stdout } = busCall(env, 'org.freedesktop.Secret.Service.ReadAlias', 'string:default')
    if (status === 0 && stdout.includes('/collection/')) return daemon
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  daemon.kill('SIGKILL')
  throw new Error('gnome-keyring-daemon did not start')
}

function busCall(env: Record<string, string>, method: string, argument: string): SpawnSyncReturns<string> {
  const call = ['--session', '--print-reply', '--dest=org.freedesktop.secrets', '/org/freedesktop/secrets', method, argument]
  return spawnSync('dbus-send', call, { env, encoding: 'utf8' })
}
