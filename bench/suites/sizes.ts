/** How many bytes does an envelope add? */
import { randomBytes } from 'node:crypto'
import { createKeyring, sealStream, sealSync, toText } from '@keyfold/core'
import type { Suite } from '../suite.ts'
import { CONTEXT, inFolder, newKeyFile, SIZES } from '../suite.ts'
import { collected, piecesOf } from './stream-pieces.ts'

export const sizes: Suite = {
  name: 'sizes',
  run: () =>
    inFolder(async (folder) => {
      const [a, b] = [newKeyFile(folder, 'a'), newKeyFile(folder, 'b')]
      const figures = []
      for (const [size, length] of SIZES) {
        const payload = randomBytes(length)
        const envelope = sealSync(createKeyring({ active: a }), payload, CONTEXT)
        const two = sealSync(createKeyring({ active: a, recovery: [b] }), payload, CONTEXT)
        const stream = await collected(piecesOf([payload]).pipeThrough(sealStream(createKeyring({ active: a }), CONTEXT)))
        figures.push(
          { name: `${size}, one key`, value: envelope.length - length, unit: 'B over the payload' },
          { name: `${size}, one key, as text`, value: toText(envelope).length - length, unit: 'characters over the bytes of the payload' },
          { name: `${size}, two keys`, value: two.length - length, unit: 'B over the payload' },
          { name: `${size}, as a stream`, value: Buffer.concat(stream).length - length, unit: 'B over the payload' },
        )
      }
      return { title: 'Sizes', floor: '', results: [], figures }
    }),
}
