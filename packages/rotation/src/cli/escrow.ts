import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { createKeyring, isKeyfoldError, KeyfoldError, open, seal, toText } from '@keyfold/core'
import type { EncryptionContext, KeyWrapper } from '@keyfold/core'
import { createKeyFile, insecureReadKeyFile } from '@keyfold/core/key-file'
import { rotationError } from '../errors.ts'
import { readCapped } from './files.ts'

/**
 * A copy of a key in a file: a key file, or with `under` an envelope of its 32 bytes that this second key opens. The envelope is text in one
 * line, as docs/format.md has it, bound to the id of the key that it is an escrow of.
 */
export interface Escrow {
  readonly file: string
  readonly under: KeyWrapper | undefined
  /** Of the key: `keychain:payroll/2026q4`. */
  readonly id: string
}

/** An envelope of 32 bytes has far less, however many keys may open it. */
const MAX_BYTES = 65_536

const contextOf = ({ id }: Escrow): EncryptionContext => ({ purpose: 'keyfold keychain escrow', key: id })

/**
 * Writes an escrow, durably, mode 600, and reads it back.
 *
 * @param kek 32 bytes, which stay as they are
 * @throws KeyfoldError ERR_ESCROW_EXISTS, ERR_KEY_FILE_ACCESS, ERR_FILE_ACCESS, ERR_KEY_ID_INVALID; what the second key throws
 */
export async function writeEscrow(escrow: Escrow, kek: Uint8Array): Promise<void> {
  if (escrow.under === undefined) writeKeyFile(escrow.file, kek)
  else writeNew(escrow.file, `${toText(await seal(createKeyring({ active: escrow.under }), kek, contextOf(escrow)))}\n`)
  try {
    const back = await readEscrow(escrow)
    const same = Buffer.compare(back, kek) === 0
    back.fill(0)
    if (!same) throw rotationError('ERR_ESCROW_INVALID', `${escrow.file} does not hold what was written to it`)
  } catch (error) {
    removeEscrow(escrow)
    throw error
  }
}

/**
 * Reads the key out of an escrow; the caller wipes it.
 *
 * @throws KeyfoldError ERR_ESCROW_INVALID, ERR_FILE_MISSING; ERR_KEY_FILE_… for a key file; what the second key throws
 */
export async function readEscrow(escrow: Escrow): Promise<Uint8Array> {
  if (escrow.under === undefined) return readKeyFile(escrow.file)
  const text = new TextDecoder().decode(readCapped(escrow.file, MAX_BYTES)).replace(/\r?\n$/, '')
  try {
    return checked(await open(createKeyring({ active: escrow.under }), text, contextOf(escrow)), escrow)
  } catch (error) {
    if (!isKeyfoldError(error, ...NOT_OURS)) throw error
    throw rotationError('ERR_ESCROW_INVALID', `${escrow.file} is no escrow of ${escrow.id} under ${escrow.under.id} (${error.code})`)
  }
}

/** Takes away an escrow that nothing came of. */
export function removeEscrow({ file }: Pick<Escrow, 'file'>): void {
  try {
    unlinkSync(file)
  } catch {
    // somebody else did
  }
}

const NOT_OURS = [
  'ERR_NOT_SEALED', 'ERR_ENVELOPE_MALFORMED', 'ERR_ENVELOPE_VERSION', 'ERR_ENVELOPE_SUITE', 'ERR_ENVELOPE_FLAGS', 'ERR_KEY_NOT_FOUND',
  'ERR_KEY_COMMITMENT', 'ERR_NOT_AUTHENTIC', 'ERR_LIMIT',
]

function checked(kek: Uint8Array, { file, id }: Escrow): Uint8Array {
  if (kek.length === 32) return kek
  throw rotationError('ERR_ESCROW_INVALID', `${file} is no escrow of ${id}: it holds ${kek.length} bytes`)
}

function writeKeyFile(file: string, kek: Uint8Array): void {
  try {
    createKeyFile(file, kek)
  } catch (error) {
    throw isKeyfoldError(error, 'ERR_KEY_FILE_EXISTS') ? exists(file) : error
  }
}

function readKeyFile(file: string): Uint8Array {
  try {
    return insecureReadKeyFile(file)
  } catch (error) {
    throw isKeyfoldError(error, 'ERR_KEY_FILE_FORMAT') ? rotationError('ERR_ESCROW_INVALID', `${file} is no key file`) : error
  }
}

/** Never in place of a file that is there. */
function writeNew(file: string, text: string): void {
  let fd: number
  try {
    fd = openSync(file, 'wx', 0o600)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw exists(file)
    throw new KeyfoldError('ERR_FILE_ACCESS', `${file} cannot be written (${code})`, {
      hint: 'Check that its folder exists and can be written to.',
    })
  }
  try {
    writeSync(fd, text)
    fsyncSync(fd)
  } catch (error) {
    removeEscrow({ file })
    throw error
  } finally {
    closeSync(fd)
  }
}

function exists(file: string): KeyfoldError {
  return rotationError('ERR_ESCROW_EXISTS', `${file} is there already`)
}
