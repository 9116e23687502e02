/** The bytes of a key that is destroyed: where they are, how they go, and what the receipt says of that, whenever it is read. */
import { isKeyfoldError } from '@keyfold/core'
import type { KeyStates } from './key-states.ts'
import type { KeyReceipt, MaterialOutcome } from './receipt.ts'
import { conditionsFor, encodeReceipt, parseReceipt } from './receipt.ts'

/** Where the key's own bytes are, and how they go. */
export interface KeyMaterial {
  /** For the receipt: the path of a key file, the place in a keychain. */
  readonly place: string
  /** Whether it is there. Throws ERR_KEY_MISMATCH where another key is in that place. `keyId` is the 12 bytes in envelopes. */
  check(keyId: Uint8Array): boolean | Promise<boolean>
  /** Removes it for good; called after the ledger has recorded that it is being destroyed, and again where that was cut. */
  destroy(keyId: Uint8Array): unknown
}

/** Looked at before anything is recorded: another key in that place ends the call here. `keyId` has 24 hex digits. */
export async function materialAhead(material: KeyMaterial | undefined, keyId: string): Promise<MaterialOutcome> {
  if (material === undefined) return { outcome: 'kept', place: null }
  const isThere = await material.check(Buffer.from(keyId, 'hex'))
  return { outcome: isThere ? 'pending' : 'absent', place: material.place }
}

/** What became of the bytes of a key that the ledger calls destroyed. */
export interface Removal {
  /** `destroyed`: removed now. Undefined where there was nothing to do. */
  readonly outcome: 'destroyed' | 'unfinished' | undefined
  readonly receipt: KeyReceipt
  /** The code of the error that kept them from being removed. */
  readonly problem: string | null
}

/**
 * Removes what is left of the key's bytes, and says so in the receipt. That they are being removed stands there first, so that a kill leaves no
 * receipt which calls them kept.
 */
export async function removeMaterial(states: KeyStates, keyId: string, material: KeyMaterial | undefined): Promise<Removal> {
  const receipt = parseReceipt(states.receipt(keyId)!)
  const { outcome: before, place } = receipt.material
  if (before === 'destroyed' || before === 'absent') return { outcome: undefined, receipt, problem: null }
  const unfinished = { outcome: 'unfinished', receipt, problem: null } as const
  if (material === undefined) return before === 'pending' ? unfinished : { ...unfinished, outcome: undefined }
  const id = Buffer.from(keyId, 'hex')
  try {
    const isThere = await material.check(id)
    // What was begun in one place ends there: that nothing is in another says nothing about it.
    if (before === 'pending' && !isThere && place !== material.place) return unfinished
    if (isThere && place !== material.place) record(states, receipt, { outcome: 'pending', place: material.place })
    await material.destroy(id)
    const outcome = isThere || before === 'pending' ? 'destroyed' : 'absent'
    return { outcome: 'destroyed', receipt: record(states, receipt, { outcome, place: material.place }), problem: null }
  } catch (error) {
    if (!isKeyfoldError(error) || error.code.startsWith('ERR_LEDGER_')) throw error
    return { ...unfinished, receipt: parseReceipt(states.receipt(keyId)!), problem: error.code }
  }
}

function record(states: KeyStates, receipt: KeyReceipt, material: MaterialOutcome): KeyReceipt {
  const now = { ...receipt, material, conditions: conditionsFor(receipt.key, receipt.escrows, material) }
  states.change((draft) => draft.putReceipt(receipt.keyId, encodeReceipt(now)))
  return now
}
