import { createInterface } from 'node:readline'

/** Whether somebody is there to answer. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/** Asks for one line on the terminal. Empty where the answer is, and where it was Ctrl-C or Ctrl-D. */
export async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await new Promise((resolve) => {
      terminal.once('close', () => resolve(''))
      terminal.question(question, (answer) => resolve(answer.trim()))
    })
  } finally {
    terminal.close()
  }
}
