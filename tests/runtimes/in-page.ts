/** The portable suite in a page: whoever drives the browser calls `runTask`. */
import { runTask } from './portable/suite.ts'

Object.assign(globalThis, { runTask })
