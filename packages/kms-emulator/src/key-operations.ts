import type { Operation } from './operation.ts'
import type { Input } from './input.ts'
import { count, flag, requiredText, text } from './input.ts'
import type { Key } from './keys.ts'
import { ACCOUNT, assertNotPending, assertUsable, cancelDeletion, currentMaterial, isPrimary, rotateOnDemand, scheduleDeletion } from './keys.ts'
import { KmsFault, unsupported } from './errors.ts'

/** What is done to a key: making, describing, enabling, rotating and deleting it, and its aliases. */
export const keyOperations: Readonly<Record<string, Operation>> = {
  CreateKey: ({ store, region, input }) => {
    refuseOtherKinds(input)
    return { KeyMetadata: metadata(store.create(region, flag(input, 'MultiRegion'), text(input, 'Description') ?? '')) }
  },
  DescribeKey: (call) => ({ KeyMetadata: metadata(keyOf(call)) }),
  GetKeyLastUsage: (call) => {
    const { arn, created, lastUsage } = keyByIdOrArn(call)
    const used = lastUsage === undefined ? {} : { Operation: lastUsage.operation, Timestamp: lastUsage.at }
    return { KeyId: arn, KeyLastUsage: used, TrackingStartDate: created, KeyCreationDate: created }
  },
  ReplicateKey: (call) => {
    const replica = call.store.replicate(keyOf(call), requiredText(call.input, 'ReplicaRegion'), text(call.input, 'Description') ?? '')
    return { ReplicaKeyMetadata: metadata(replica) }
  },
  EnableKey: (call) => setState(keyOf(call), 'Enabled'),
  DisableKey: (call) => setState(keyOf(call), 'Disabled'),
  ScheduleKeyDeletion: (call) => {
    const key = keyOf(call)
    const days = count(call.input, 'PendingWindowInDays', 7, 30) ?? 30
    scheduleDeletion(key, days)
    return { KeyId: key.arn, DeletionDate: key.deletionDate, KeyState: key.state, PendingWindowInDays: days }
  },
  CancelKeyDeletion: (call) => {
    const key = keyOf(call)
    cancelDeletion(key)
    return { KeyId: key.arn }
  },
  CreateAlias: ({ store, region, input }) => {
    store.createAlias(region, requiredText(input, 'AliasName'), store.find(region, requiredText(input, 'TargetKeyId')))
    return {}
  },
  UpdateAlias: ({ store, region, input }) => {
    store.updateAlias(region, requiredText(input, 'AliasName'), store.find(region, requiredText(input, 'TargetKeyId')))
    return {}
  },
  DeleteAlias: ({ store, region, input }) => {
    store.deleteAlias(region, requiredText(input, 'AliasName'))
    return {}
  },
  ListAliases: ({ store, region, input }) => {
    const only = text(input, 'KeyId')
    const target = only === undefined ? undefined : store.find(region, only)
    const aliases = store.aliases(region).filter(([, key]) => target === undefined || key === target)
    return { Aliases: aliases.map(([name, key]) => aliasEntry(name, key)), Truncated: false }
  },
  RotateKeyOnDemand: (call) => {
    const key = keyOf(call)
    assertUsable(key)
    rotateOnDemand(key)
    return { KeyId: key.arn }
  },
  ListKeyRotations: (call) => ({ Rotations: rotations(keyOf(call), call.input), Truncated: false }),
}

function keyOf({ store, region, input }: Parameters<Operation>[0]): Key {
  return store.find(region, requiredText(input, 'KeyId'))
}

/** AWS takes no alias here. */
function keyByIdOrArn(call: Parameters<Operation>[0]): Key {
  if (requiredText(call.input, 'KeyId').includes('alias/')) throw new KmsFault('InvalidArnException', 'an alias is not taken here')
  return keyOf(call)
}

/** What the emulator has, with AWS's names for it. */
const KIND = { KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT', Origin: 'AWS_KMS' }

function refuseOtherKinds(input: Input): void {
  for (const [field, only] of Object.entries(KIND)) {
    if ((text(input, field) ?? only) !== only) throw unsupported(`the emulator has keys of ${field} ${only} alone`)
  }
}

function setState(key: Key, state: 'Enabled' | 'Disabled'): Record<string, never> {
  assertNotPending(key)
  key.state = state
  return {}
}

function metadata(key: Key): Record<string, unknown> {
  const { lineage, state, deletionDate } = key
  return {
    AWSAccountId: ACCOUNT,
    KeyId: lineage.id,
    Arn: key.arn,
    CreationDate: key.created,
    Enabled: state === 'Enabled',
    Description: key.description,
    ...KIND,
    KeyState: state,
    ...(deletionDate === undefined ? {} : { DeletionDate: deletionDate }),
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: KIND.KeySpec,
    EncryptionAlgorithms: [KIND.KeySpec],
    MultiRegion: lineage.multiRegion,
    ...(lineage.multiRegion ? { MultiRegionConfiguration: { MultiRegionKeyType: isPrimary(key) ? 'PRIMARY' : 'REPLICA' } } : {}),
    CurrentKeyMaterialId: currentMaterial(key).id,
  }
}

function aliasEntry(name: string, key: Key): Record<string, unknown> {
  return { AliasName: name, AliasArn: `arn:aws:kms:${key.region}:${ACCOUNT}:${name}`, TargetKeyId: key.lineage.id }
}

/** Rotations that took place; with the first material too where the caller asks for all of them. */
function rotations({ lineage, arn }: Key, input: Input): readonly Record<string, unknown>[] {
  const all = text(input, 'IncludeKeyMaterial') === 'ALL_KEY_MATERIAL'
  return lineage.materials
    .map(({ id, since, onDemand }, i) => ({
      KeyId: arn,
      KeyMaterialId: id,
      KeyMaterialState: i === lineage.materials.length - 1 ? 'CURRENT' : 'NON_CURRENT',
      RotationDate: since,
      RotationType: onDemand ? 'ON_DEMAND' : undefined,
    }))
    .slice(all ? 0 : 1)
}
