/** The rotation of a table: what bench/rotation.ts measures, as a suite. */
import { benchRotation } from '../rotation.ts'
import type { Suite } from '../suite.ts'

const QUICK_ROWS = 2000

export const rotation: Suite = {
  name: 'rotation',
  async run({ rows, quick }) {
    const results = await benchRotation(quick ? QUICK_ROWS : rows)
    return { title: 'Rotation, per row of 256 B', floor: 'what stands behind the comma, in the same batches', results }
  },
}
