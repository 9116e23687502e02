import { userInfo } from 'node:os'

/** Who does something, for the history: the name of the operating system's user. */
export function currentActor(): string {
  try {
    return userInfo().username
  } catch {
    // a container may run under a number that has no name
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
