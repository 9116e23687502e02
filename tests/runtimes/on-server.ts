/** The portable suite in Node, Bun and Deno: the task comes on stdin, the report leaves on stdout, both as JSON. */
import { runTask } from './portable/suite.ts'
import type { Task } from './portable/suite.ts'

let input = ''
for await (const piece of process.stdin.setEncoding('utf8')) input += piece as string
process.stdout.write(JSON.stringify(await runTask(JSON.parse(input) as Task)))
