/** The packages of another commit beside those of the working tree, with the same dependencies. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Puts the packages of `commit` into `folder`. No worktree of git: nothing in the repository remembers it. */
export function checkOut(root: string, commit: string, folder: string): void {
  const archive = execFileSync('git', ['archive', '--format=tar', commit, 'packages'], { cwd: root, maxBuffer: 2 ** 28 })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  linkDependencies(root, folder)
}

/** Links each dependency of the working tree's packages; the packages themselves see each other in `folder`. */
export function linkDependencies(root: string, folder: string): void {
  for (const name of readdirSync(join(folder, 'packages'))) {
    const modules = join(root, 'packages', name, 'node_modules')
    for (const dependency of dependenciesIn(modules)) {
      const link = join(folder, 'packages', name, 'node_modules', dependency)
      mkdirSync(dirname(link), { recursive: true })
      const target = realpathSync(join(modules, dependency))
      symlinkSync(target.startsWith(join(root, 'packages')) ? join(folder, target.slice(root.length)) : target, link, 'junction')
    }
  }
}

/** With their scopes. A package that the working tree does not have, or has not installed, has none. */
function dependenciesIn(modules: string): string[] {
  const visible = (folder: string): string[] => {
    try {
      return readdirSync(folder).filter((name) => !name.startsWith('.'))
    } catch {
      return []
    }
  }
  return visible(modules).flatMap((name) => (name.startsWith('@') ? visible(join(modules, name)).map((inner) => `${name}/${inner}`) : [name]))
}
