import { spawn } from 'node:child_process'
import { delimiter } from 'node:path'
import { isatty } from 'node:tty'
import { BootstrapError } from './errors.mjs'
import { root } from './paths.mjs'

/** @typedef {import('./toolchain.mjs').Toolchain} Toolchain */

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])

/** The environment in which `node` and `pnpm` are the right ones. @param {Toolchain} toolchain */
export function environment(toolchain) {
  const env = { ...process.env }
  // Windows spells it Path
  const name = Object.keys(env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH'
  env[name] = [...toolchain.folders, env[name] ?? ''].join(delimiter)
  return env
}

/**
 * Runs a step of the bootstrap. Its output is shown only when it fails: a CLI's stdout and stderr stay the CLI's own.
 * @param {string} name @param {string} program @param {readonly string[]} args
 * @param {{ cwd?: string, env: NodeJS.ProcessEnv, hint: string }} options
 * @returns {Promise<void>}
 */
export function step(name, program, args, { cwd = root, env, hint }) {
  return new Promise((resolve, reject) => {
    // a .cmd file on Windows needs a shell; no argument here holds a blank or comes from outside
    const shell = process.platform === 'win32' && !program.endsWith('.exe')
    const child = spawn(program, args, { cwd, env, shell, stdio: ['ignore', 'pipe', 'pipe'] })
    // whoever ends this process ends the step too, and what it was about to bring is cleaned up
    const end = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal)
    for (const signal of SIGNALS) process.on(signal, end)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk) => (output += chunk))
    child.on('error', (error) => reject(new BootstrapError(`${name} could not start: ${error.message}`, hint)))
    child.on('close', (code) => {
      for (const signal of SIGNALS) process.off(signal, end)
      if (code === 0) return resolve()
      process.stderr.write(output.trimEnd().split('\n').slice(-40).join('\n') + '\n')
      reject(new BootstrapError(`${name} failed`, hint))
    })
  })
}

/**
 * Runs the script in place of this process, as far as Node lets us: same terminal, stdin, stdout, signals and exit code.
 * @param {Toolchain} toolchain @param {readonly string[]} command @param {string} cwd
 */
export function runAndExit(toolchain, command, cwd) {
  const child = spawn(toolchain.node, command, { cwd, env: environment(toolchain), stdio: 'inherit' })
  // A terminal sends Ctrl-C to the whole group: passing it on would make two of one. Without a terminal it is ours alone.
  const terminal = isatty(0) || isatty(1) || isatty(2)
  process.on('SIGINT', () => terminal || child.kill('SIGINT'))
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    process.stderr.write(`keyfold: ${toolchain.node} could not start: ${error.message}\n`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    if (signal === null) return process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
