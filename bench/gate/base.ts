/** With which commit is the working tree compared? */
import { spawnSync } from 'node:child_process'

/** The commit, and why it was chosen. */
export interface Base {
  readonly commit: string
  readonly why: string
}

/** Asks git; undefined where it has no answer. */
export type AskGit = (...args: readonly string[]) => string | undefined

export function gitIn(root: string): AskGit {
  return (...args) => {
    const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
    return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined
  }
}

const SOURCES = ['packages/core/src', 'packages/sqlite/src']

/**
 * The newest release that the working tree descends from, since that is what users have, and ten changes of 5 % must not pass one by one. Where
 * there is no release: what the branch began from; or else what stands before the last change of the sources, be it committed or not.
 */
export function baseOf(git: AskGit): Base | undefined {
  const tag = git('describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*')
  if (tag !== undefined) return { commit: tag, why: 'the newest release' }
  const [head, fork] = [git('rev-parse', 'HEAD'), git('merge-base', 'HEAD', 'origin/main')]
  if (fork !== undefined && fork !== head) return { commit: fork, why: 'where this branch left origin/main' }
  if (git('status', '--porcelain', '--', ...SOURCES) !== undefined) return head === undefined ? undefined : { commit: head, why: 'the last commit' }
  const changed = git('log', '-1', '--format=%H', '--', ...SOURCES)
  const before = changed === undefined ? undefined : git('rev-parse', '--verify', '--quiet', `${changed}^`)
  return before === undefined ? undefined : { commit: before, why: 'before the last commit that changed the sources' }
}
