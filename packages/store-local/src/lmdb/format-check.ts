/**
 * The layout of an LMDB file, as far as it takes to tell a sound one from a damaged one. Layout: mdb.c of LMDB's
 * branch 1.0 (data version 2), 64 bits, little-endian: what lmdb 3.5 is built from for every platform that it supports.
 */

const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
/** Of every page: its own number (8 bytes), transaction (8), padding (2), flags (2), lower and upper bound (2 each). */
const PAGE_HEADER = 24
const NODE_HEADER = 8
const BRANCH_PAGE = 0x01
const LEAF_PAGE = 0x02
const OVERFLOW_PAGE = 0x04
const META_PAGE = 0x08
/** The node's data is on pages of its own. */
const BIG_DATA = 0x01
/** The node's data is the record of a named database. */
const NAMED_DATABASE = 0x02
/** Where a record of a database holds the number of its root page. */
const ROOT = 40
const NO_PAGE = 0xffff_ffff_ffff_ffffn
const MAX_PAGE = 65_536
/** How far the last page in use may be beyond the end of the file: pages that a transaction freed again are not written. */
const MAX_UNWRITTEN_PAGES = 1024n

export interface Inspection {
  /** What is wrong; undefined if the file is sound. */
  readonly fault: string | undefined
  /** The last committed transaction. If it differs between two readings, the file changed meanwhile. */
  readonly transaction: bigint
  /** The keys of the unnamed database, among them the names of the others, as far as they were read. */
  readonly keys: readonly string[]
}

/** Follows every page that LMDB would, in a copy of the file. An empty file is sound: LMDB creates its tables. */
export function inspectLmdbFile(file: Buffer): Inspection {
  const keys: string[] = []
  if (file.length === 0) return { fault: undefined, transaction: 0n, keys }
  const first = readMeta(file, 0)
  if (first === undefined) return { fault: 'it is not an LMDB file', transaction: 0n, keys }
  const second = readMeta(file, first.pageSize)
  if (second === undefined) {
    return { fault: 'its second head page is damaged', transaction: first.transaction, keys }
  }
  const { freePages, records, lastPage, pageSize, transaction } =
    second.transaction > first.transaction ? second : first
  if (lastPage > BigInt(Math.floor(file.length / pageSize)) + MAX_UNWRITTEN_PAGES) {
    return { fault: `its last page in use, ${lastPage}, is far beyond its end`, transaction, keys }
  }
  try {
    const walk = new Walk(file, pageSize, transaction)
    walk.page(freePages)
    walk.page(records, (key) => keys.push(key))
    return { fault: undefined, transaction, keys }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return { fault: error.message, transaction, keys }
  }
}

interface Meta {
  readonly pageSize: number
  readonly transaction: bigint
  /** The root page of the list of free pages. */
  readonly freePages: bigint
  /** The root page of the unnamed database. */
  readonly records: bigint
  /** The number of the last page in use: new ones come behind it. */
  readonly lastPage: bigint
}

class Fault extends Error {}

function readMeta(file: Buffer, offset: number): Meta | undefined {
  const meta = offset + PAGE_HEADER
  if (file.length < meta + 144) return undefined
  if (file.readUInt16LE(offset + 18) !== META_PAGE) return undefined
  if (file.readUInt32LE(meta) !== MAGIC) return undefined
  if ((file.readUInt32LE(meta + 4) & 0xffff) !== DATA_VERSION) return undefined
  const pageSize = file.readUInt32LE(meta + 24)
  if (pageSize < 512 || pageSize > MAX_PAGE || file.length < 2 * pageSize) return undefined
  return {
    pageSize,
    transaction: file.readBigUInt64LE(meta + 128),
    freePages: file.readBigUInt64LE(meta + 24 + ROOT),
    records: file.readBigUInt64LE(meta + 72 + ROOT),
    lastPage: file.readBigUInt64LE(meta + 120),
  }
}

class Walk {
  readonly #file: Buffer
  readonly #pageSize: number
  readonly #transaction: bigint
  readonly #seen = new Set<bigint>()

  constructor(file: Buffer, pageSize: number, transaction: bigint) {
    this.#file = file
    this.#pageSize = pageSize
    this.#transaction = transaction
  }

  page(number: bigint, onKey?: (key: string) => void): void {
    if (number === NO_PAGE) return
    const start = this.#start(number, 1n)
    const flags = this.#file.readUInt16LE(start + 18)
    const isBranch = flags === BRANCH_PAGE
    if (!isBranch && flags !== LEAF_PAGE) throw new Fault(`page ${number} is neither branch nor leaf`)

    const body = start + PAGE_HEADER
    const room = this.#pageSize - PAGE_HEADER
    const lower = this.#file.readUInt16LE(start + 20)
    const upper = this.#file.readUInt16LE(start + 22)
    if (lower > upper || upper > room) throw new Fault(`page ${number} has impossible bounds`)
    for (let at = 0; at + 1 < lower; at += 2) {
      const offset = this.#file.readUInt16LE(body + at)
      if (offset < upper || offset + NODE_HEADER > room)
        throw new Fault(`page ${number} points outside itself`)
      this.#node(number, body + offset, body + room, isBranch, onKey)
    }
  }

  #node(page: bigint, node: number, end: number, isBranch: boolean, onKey?: (key: string) => void): void {
    const low = this.#file.readUInt32LE(node)
    const flags = this.#file.readUInt16LE(node + 4)
    const data = node + NODE_HEADER + this.#file.readUInt16LE(node + 6)
    if (isBranch) {
      if (data > end) throw new Fault(`page ${page} holds a key that leaves it`)
      this.page(BigInt(low) | (BigInt(flags) << 32n), onKey)
      return
    }
    if ((flags & ~(BIG_DATA | NAMED_DATABASE)) !== 0)
      throw new Fault(`page ${page} holds a record of unknown kind`)
    // The npm package ends names with a NUL.
    onKey?.(this.#file.toString('latin1', node + NODE_HEADER, data).replace(/\0$/, ''))
    const isBig = (flags & BIG_DATA) !== 0
    if (data + (isBig ? PAGE_HEADER : low) > end)
      throw new Fault(`page ${page} holds a record that leaves it`)
    if (isBig) this.#large(this.#file.readBigUInt64LE(data), this.#file.readBigUInt64LE(data + 16), low)
    else if ((flags & NAMED_DATABASE) !== 0) {
      if (low < ROOT + 8) throw new Fault(`page ${page} holds a damaged record of a database`)
      this.page(this.#file.readBigUInt64LE(data + ROOT))
    }
  }

  /** A record of `size` bytes on pages of its own. */
  #large(number: bigint, pages: bigint, size: number): void {
    const start = this.#start(number, pages)
    const isOverflow = this.#file.readUInt16LE(start + 18) === OVERFLOW_PAGE
    const counted = BigInt(this.#file.readUInt32LE(start + 20))
    if (!isOverflow || counted !== pages || PAGE_HEADER + size > Number(pages) * this.#pageSize) {
      throw new Fault(`page ${number} holds no such large record as is said`)
    }
  }

  /** Where a page begins that is reached for the first time, lies inside the file and bears its own number. */
  #start(number: bigint, pages: bigint): number {
    const pagesInFile = BigInt(Math.floor(this.#file.length / this.#pageSize))
    if (number + pages > pagesInFile) throw new Fault(`it is cut off: page ${number} is beyond its end`)
    if (this.#seen.has(number)) throw new Fault(`page ${number} is used twice`)
    this.#seen.add(number)
    const start = Number(number) * this.#pageSize
    if (this.#file.readBigUInt64LE(start) !== number) throw new Fault(`page ${number} bears another number`)
    // LMDB treats a page of a later transaction as one of its own, which it may write in place.
    if (this.#file.readBigUInt64LE(start + 8) > this.#transaction)
      throw new Fault(`page ${number} is of the future`)
    return start
  }
}
