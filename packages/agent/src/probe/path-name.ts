import { createHash } from 'node:crypto'
import { type Family, parseAddress } from '@selvedge/core/kit'

/** What a path is known by among nodes that have the same leases. */
export interface PathName {
  /** Of the path's address in the overlay. */
  readonly family: Family
  /** 32 bits: an IPv4 address itself, of an IPv6 address the first four bytes of its SHA-256. */
  readonly name: number
}

export function pathName(address: string): PathName {
  const { family, value } = parseAddress(address) ?? { family: 4, value: 0n }
  if (family === 4) return { family, name: Number(value) }
  const bytes = Buffer.from(value.toString(16).padStart(32, '0'), 'hex')
  return { family, name: createHash('sha256').update(bytes).digest().readUInt32BE(0) }
}

/** The paths of one node by their names; of two with the same name, neither can be told. */
export class PathNames<P> {
  readonly #paths = new Map<number, P | undefined>()

  add(address: string, path: P): void {
    const key = keyOf(pathName(address))
    this.#paths.set(key, this.#paths.has(key) ? undefined : path)
  }

  get(name: PathName): P | undefined {
    return this.#paths.get(keyOf(name))
  }
}

const keyOf = ({ family, name }: PathName): number => (family === 4 ? name : 2 ** 32 + name)
