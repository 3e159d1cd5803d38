import type { IKeyValue, IResponseHeader } from 'etcd3'

/**
 * A point in the history of an etcd cluster, and what tells this history from another. A cluster that was wiped, or
 * restored from a backup, has the same id again, and soon the same revisions.
 */
export interface Position {
  readonly cluster: string
  /** Of the last change known. */
  readonly revision: bigint
  /** The Raft term, which never goes back. */
  readonly term: bigint
  readonly witnesses: Witnesses
}

/** Keys that were read at some revision: read again at the same one, they must be the same. */
export interface Witnesses {
  /** Hardly ever changes. */
  readonly config: Witness
  /** The key that changed last. */
  readonly latest?: Witness | undefined
}

export interface Witness {
  readonly key: Buffer
  readonly asOf: bigint
  /** Undefined if there was none. */
  readonly kv: Pick<IKeyValue, 'create_revision' | 'mod_revision' | 'lease'> | undefined
}

/** @param config the config key as read with `header` */
export function positionOf(
  header: IResponseHeader,
  configKey: Buffer,
  config: IKeyValue | undefined,
): Position {
  const revision = BigInt(header.revision)
  return {
    cluster: header.cluster_id,
    revision,
    term: BigInt(header.raft_term),
    witnesses: { config: witnessOf(configKey, revision, config) },
  }
}

/** Keeps no more of `kv` than is compared: the whole one would keep the reply alive that it came with. */
export function witnessOf(key: Buffer, asOf: bigint, kv: IKeyValue | undefined): Witness {
  if (kv === undefined) return { key: Buffer.from(key), asOf, kv }
  const { create_revision, mod_revision, lease } = kv
  return { key: Buffer.from(key), asOf, kv: { create_revision, mod_revision, lease } }
}

/** True unless a cluster at `header` cannot have been where `known` is: another one, or one that has gone back. */
export function isBeyond(header: IResponseHeader, known: Position): boolean {
  return (
    header.cluster_id === known.cluster &&
    BigInt(header.revision) >= known.revision &&
    BigInt(header.raft_term) >= known.term
  )
}

/** True if the key, read at the witness's own revision, is what it was. */
export function confirms({ kv: before }: Witness, kv: IKeyValue | undefined): boolean {
  if (kv === undefined || before === undefined) return kv === before
  return (
    kv.create_revision === before.create_revision &&
    kv.mod_revision === before.mod_revision &&
    kv.lease === before.lease
  )
}

/** True if the key, read at a later revision, may have been what it was: only later changes are possible. */
export function allows(witness: Witness, kv: IKeyValue | undefined): boolean {
  if (kv === undefined) return true
  if (BigInt(kv.mod_revision) <= witness.asOf) return confirms(witness, kv)
  return BigInt(kv.create_revision) > witness.asOf || witness.kv?.create_revision === kv.create_revision
}
