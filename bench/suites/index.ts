import type { Suite } from '../suite.ts'
import { batches } from './batches.ts'
import { branchKeys } from './branch-keys.ts'
import { keyServices } from './key-services.ts'
import { moves } from './moves.ts'
import { peers } from './peers.ts'
import { reading } from './reading.ts'
import { records } from './records.ts'
import { rotation } from './rotation.ts'
import { rotationLoad } from './rotation-load.ts'
import { sizes } from './sizes.ts'
import { sqlite } from './sqlite.ts'
import { startUp } from './start-up.ts'
import { streams } from './streams.ts'

/** Every suite, in the order in which they run and are shown. */
export const SUITES: readonly Suite[] = [
  records, peers, moves, batches, keyServices, branchKeys, reading, streams, sqlite, rotation, rotationLoad, startUp, sizes,
]
