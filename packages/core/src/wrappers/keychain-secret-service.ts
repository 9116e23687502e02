import { KeyfoldError } from '../errors.ts'
import type { Bus } from './keychain-dbus.ts'
import { withSessionBus } from './keychain-dbus.ts'
import type { BusCall, BusValue } from './keychain-dbus-message.ts'

/** What an entry is found by. */
export type EntryAttributes = Readonly<Record<string, string>>

/** `locked` also where there may be an entry that the lock hides; `no-keychain` where the service runs and keeps nothing yet. */
export type EntryState = 'present' | 'absent' | 'locked' | 'ambiguous' | 'no-keychain'

const SERVICE = {
  destination: 'org.freedesktop.secrets',
  path: '/org/freedesktop/secrets',
  interface: 'org.freedesktop.Secret.Service',
} as const
/** The path that stands for "no such object". */
const NOTHING = '/'

/**
 * How an entry stands in the Secret Service (freedesktop.org Secret Service API 0.2), which is what keeps secrets on a Linux desktop. Asks, and
 * never prompts: the libraries would, wait without an end for an answer where nobody sees the prompt, and one of them then says "no entry".
 *
 * @param timeoutMs how long all of it may take
 * @throws KeyfoldError ERR_KEYCHAIN_UNAVAILABLE, ERR_KEY_DENIED
 */
export function entryState(attributes: EntryAttributes, timeoutMs: number): Promise<EntryState> {
  return withSessionBus(timeoutMs, async (bus) => {
    const [open, locked] = await bus.call({ ...SERVICE, member: 'SearchItems', args: [attributes] })
    if (!isList(open) || !isList(locked))
      throw new KeyfoldError('ERR_KEYCHAIN_UNAVAILABLE', 'the keychain service gave an answer of other types than it should')
    if (locked.length > 0) return 'locked'
    if (open.length > 0) return open.length === 1 ? 'present' : 'ambiguous'
    return stateOfKeychain(bus)
  })
}

/** Without an entry it matters whether one could be hidden, or made. */
async function stateOfKeychain(bus: Bus): Promise<EntryState> {
  const [path] = await bus.call({ ...SERVICE, member: 'ReadAlias', args: ['default'] })
  if (typeof path !== 'string' || path === NOTHING) return 'no-keychain'
  const [locked] = await bus.call(lockedProperty(path))
  return locked === false ? 'absent' : 'locked'
}

function lockedProperty(path: string): BusCall {
  const args = ['org.freedesktop.Secret.Collection', 'Locked']
  return { destination: SERVICE.destination, path, interface: 'org.freedesktop.DBus.Properties', member: 'Get', args }
}

function isList(value: BusValue | undefined): value is readonly BusValue[] {
  return Array.isArray(value)
}
