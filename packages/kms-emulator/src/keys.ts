import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Material } from './ciphertext.ts'
import { keyHash } from './ciphertext.ts'
import { invalid, KmsFault, unsupported } from './errors.ts'

export const ACCOUNT = '111122223333'

/** AWS's on-demand rotations of one key, for its whole life. */
const MOST_ROTATIONS = 25

interface Generation extends Material {
  readonly since: number
  readonly onDemand: boolean
}

/** What related keys of several regions have in common. */
interface Lineage {
  readonly id: string
  readonly multiRegion: boolean
  /** The last one encrypts; all of them decrypt. */
  readonly materials: Generation[]
  readonly primaryRegion: string
}

/** A key in one region. */
export interface Key {
  readonly arn: string
  readonly region: string
  readonly lineage: Lineage
  readonly description: string
  readonly created: number
  state: 'Enabled' | 'Disabled' | 'PendingDeletion'
  deletionDate: number | undefined
  /** The last successful use, in this region. */
  lastUsage: { readonly operation: string; readonly at: number } | undefined
}

function newMaterial(onDemand: boolean): Generation {
  const secret = randomBytes(32)
  const id = createHash('sha256').update('material').update(secret).digest('hex')
  return { id, secret, since: Date.now() / 1000, onDemand }
}

/** Every key and alias of the emulator, of all regions. In memory alone: they end with the process. */
export class KeyStore {
  readonly #keys = new Map<string, Key>()
  /** By region and name. */
  readonly #aliases = new Map<string, Key>()

  create(region: string, multiRegion: boolean, description: string): Key {
    const id = multiRegion ? `mrk-${randomUUID().replaceAll('-', '')}` : randomUUID()
    return this.#add(region, { id, multiRegion, materials: [newMaterial(false)], primaryRegion: region }, description)
  }

  /** The same key, with the same materials, in another region. */
  replicate(primary: Key, region: string, description: string): Key {
    if (!primary.lineage.multiRegion) throw unsupported(`${primary.arn} is not a multi-Region key.`)
    assertPrimary(primary)
    if (this.#keys.has(arnOf(region, primary.lineage.id))) throw new KmsFault('AlreadyExistsException', 'the replica exists already')
    return this.#add(region, primary.lineage, description)
  }

  #add(region: string, lineage: Lineage, description: string): Key {
    const created = Date.now() / 1000
    const arn = arnOf(region, lineage.id)
    const key: Key = { arn, region, lineage, description, created, state: 'Enabled', deletionDate: undefined, lastUsage: undefined }
    this.#keys.set(arn, key)
    return key
  }

  /** A key by its id, ARN, alias or alias ARN, as seen from a region: another region's ARN is not found there, as with AWS. */
  find(region: string, name: string): Key {
    const key = name.includes('alias/') ? this.#aliases.get(aliasAt(region, name)) : this.#keys.get(keyArn(region, name))
    if (key === undefined || key.region !== region) throw new KmsFault('NotFoundException', notFound(region, name))
    return key
  }

  /** The key of a region that a ciphertext names; undefined where there is none. */
  claimed(region: string, hash: string): Key | undefined {
    return [...this.#keys.values()].find((key) => key.region === region && keyHash(key.lineage.id) === hash)
  }

  createAlias(region: string, name: string, key: Key): void {
    if (!/^alias\/(?!aws\/)[A-Za-z0-9/_-]{1,250}$/.test(name))
      throw new KmsFault('InvalidAliasNameException', 'the alias has no valid name')
    if (this.#aliases.has(aliasAt(region, name))) throw new KmsFault('AlreadyExistsException', 'an alias of this name exists already')
    this.#aliases.set(aliasAt(region, name), key)
  }

  /** Moves an alias to another key. */
  updateAlias(region: string, name: string, key: Key): void {
    this.find(region, name)
    this.#aliases.set(aliasAt(region, name), key)
  }

  deleteAlias(region: string, name: string): void {
    this.find(region, name)
    this.#aliases.delete(aliasAt(region, name))
  }

  aliases(region: string): readonly (readonly [name: string, key: Key])[] {
    return [...this.#aliases].filter(([, key]) => key.region === region).map(([name, key]) => [name.slice(region.length + 1), key])
  }
}

/** Makes a new material; ciphertexts of the older ones still open. Shows at once in every region. */
export function rotateOnDemand(key: Key): void {
  const { lineage } = key
  assertPrimary(key)
  if (lineage.materials.filter(({ onDemand }) => onDemand).length >= MOST_ROTATIONS) {
    throw new KmsFault('LimitExceededException', 'the key was rotated on demand as often as is allowed')
  }
  lineage.materials.push(newMaterial(true))
}

export function noteUsage(key: Key, operation: string): void {
  key.lastUsage = { operation, at: Date.now() / 1000 }
}

export function isPrimary({ region, lineage }: Key): boolean {
  return region === lineage.primaryRegion
}

function assertPrimary(key: Key): void {
  if (!isPrimary(key)) throw unsupported(`${key.arn} is a replica key.`)
}

/** The material that encrypts. */
export function currentMaterial({ lineage }: Key): Material {
  return lineage.materials.at(-1)!
}

/** Refuses the use of a key that is not enabled, with AWS's two different errors. */
export function assertUsable(key: Key): void {
  if (key.state === 'Disabled') throw new KmsFault('DisabledException', `${key.arn} is disabled.`)
  assertNotPending(key)
}

export function assertNotPending(key: Key): void {
  if (key.state === 'PendingDeletion') throw new KmsFault('KMSInvalidStateException', `${key.arn} is pending deletion.`)
}

export function scheduleDeletion(key: Key, days: number): void {
  assertNotPending(key)
  key.state = 'PendingDeletion'
  key.deletionDate = Date.now() / 1000 + days * 86_400
}

export function cancelDeletion(key: Key): void {
  if (key.state !== 'PendingDeletion') throw new KmsFault('KMSInvalidStateException', `${key.arn} is not pending deletion.`)
  // AWS leaves it disabled; who wants it back enables it
  key.state = 'Disabled'
  key.deletionDate = undefined
}

function arnOf(region: string, id: string): string {
  if (!/^[a-z0-9-]{1,64}$/.test(region)) throw invalid('the region has no valid name')
  return `arn:aws:kms:${region}:${ACCOUNT}:key/${id}`
}

function keyArn(region: string, name: string): string {
  return name.startsWith('arn:') ? name : arnOf(region, name)
}

/** Where an alias is kept; its ARN and its name are one. */
function aliasAt(region: string, name: string): string {
  return `${region} ${name.replace(`arn:aws:kms:${region}:${ACCOUNT}:`, '')}`
}

/** In AWS's words. */
function notFound(region: string, name: string): string {
  if (!name.includes('alias/')) return `Key '${keyArn(region, name)}' does not exist`
  return `Alias ${name.startsWith('arn:') ? name : `arn:aws:kms:${region}:${ACCOUNT}:${name}`} is not found.`
}
