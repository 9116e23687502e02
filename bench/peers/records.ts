/** Every library that loads, beside Keyfold and the floor, in the same rounds. */
import { createKeyring, openSync, sealSync } from '@keyfold/core'
import { floorOpen, floorSeal, uncommittedOpen, uncommittedSeal } from '../floors.ts'
import type { Effort, Timing, Work } from '../interleave.ts'
import { interleave } from '../interleave.ts'
import type { Figure, Result } from '../report.ts'
import { compared } from '../report.ts'
import { CANONICAL_CONTEXT, inFolder, newKeyFile } from '../suite.ts'
import type { Peer } from './peer.ts'
import { CONTEXT } from './peer.ts'

const KEYFOLD = 'Keyfold, key file'
/** What an envelope takes that commits to no key: so that nobody takes the commitment's price for waste. */
const NAIVE = 'two AES-256-GCM calls of node:crypto, by hand'

/** The sealing and opening of one size by everybody, and what each stores. */
export async function benchPeers(peers: readonly Peer[], size: string, payload: Uint8Array, effort: Effort): Promise<[Result[], Figure[]]> {
  return inFolder(async (folder) => {
    const keyring = createKeyring({ active: newKeyFile(folder, 'bench') })
    const envelope = sealSync(keyring, payload, CONTEXT)
    const [parts, pair] = [floorSeal(payload, CANONICAL_CONTEXT), uncommittedSeal(payload)]
    const seals = new Map<string, Work>([
      ['floor', () => floorSeal(payload, CANONICAL_CONTEXT)],
      [KEYFOLD, () => sealSync(keyring, payload, CONTEXT)],
      [NAIVE, () => uncommittedSeal(payload)],
    ])
    const opens = new Map<string, Work>([
      ['floor', () => floorOpen(parts, CANONICAL_CONTEXT)],
      [KEYFOLD, () => openSync(keyring, envelope, CONTEXT)],
      [NAIVE, () => uncommittedOpen(pair)],
    ])
    const figures = [{ name: `${size}, ${KEYFOLD}`, value: envelope.length - payload.length, unit: 'B over the payload' }]
    for (const peer of peers) {
      const { seal, open, bytes } = await peer.prepare(payload)
      seals.set(peer.name, seal)
      opens.set(peer.name, open)
      figures.push({ name: `${size}, ${peer.name}`, value: bytes - payload.length, unit: 'B over the payload' })
    }
    const sealed = resultsOf(`seal ${size}`, await interleave(Object.fromEntries(seals), effort), peers)
    const opened = resultsOf(`open ${size}`, await interleave(Object.fromEntries(opens), effort), peers)
    return [[...sealed, ...opened], figures]
  })
}

function resultsOf(work: string, timings: Readonly<Record<string, Timing>>, peers: readonly Peer[]): Result[] {
  const [floor, keyfold] = [timings['floor']!, timings[KEYFOLD]!]
  return Object.entries(timings).flatMap(([name, timing]) => {
    if (timing === floor) return []
    const one = compared(`${work}, ${name}`, timing, floor)
    if (timing === keyfold) return [one]
    const peer = peers.find((candidate) => candidate.name === name)
    const { library, lacks } = peer ?? { library: 'node:crypto', lacks: 'no format, no context, no key commitment' }
    return [{ ...one, peer: { library, lacks, timesKeyfold: Math.round((timing.us / keyfold.us) * 100) / 100 } }]
  })
}
