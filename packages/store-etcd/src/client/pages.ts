import { RECORD_LIMITS } from '@selvedge/core/kit'
import type { IKeyValue, IRangeRequest, IRangeResponse } from 'etcd3'
import { EtcdFailure } from './errors.js'

/** How many keys one reply may have: 10,000 leases are some 2.5 MB. */
export const PAGE_KEYS = 10_000

/**
 * A page that is too long for a reply is asked for again with so few keys that they fit, whatever is in them, since etcd
 * has read all of it in vain: it takes 1.5 MB for a key, unless it is configured otherwise.
 */
const SAFE_KEYS = 8
/** The next page has at most so many times as many, and about so many bytes. */
const GROWTH = 64
const PAGE_BYTES = 6 * 2 ** 20

/** More than any record has: a character takes three bytes at most for each that a JavaScript string counts. */
const MAX_VALUE_BYTES = 3 * RECORD_LIMITS.maxLength

/** Stands for a value that is longer, which is no record whatever it says: etcd takes 1.5 MB for each of its keys. */
const TOO_LONG = Buffer.alloc(RECORD_LIMITS.maxLength + 1, ' ')

type Page = Pick<IRangeResponse, 'kvs' | 'more'>

/** A page of keys that was read with a limit. */
export interface FirstPage<T> {
  readonly page: T
  readonly limit: number
}

/** Reads a page of as many keys as fit into a reply, at most `limit`. */
export async function readPage<T>(
  read: (limit: number) => Promise<T>,
  limit = PAGE_KEYS,
): Promise<FirstPage<T>> {
  for (;;) {
    try {
      return { page: await read(limit), limit }
    } catch (error) {
      if (limit === 1 || !(error instanceof EtcdFailure) || error.failure.kind !== 'too-long') throw error
      limit = limit > SAFE_KEYS ? SAFE_KEYS : Math.ceil(limit / 2)
    }
  }
}

/**
 * All keys of a range, given the first page of them; later pages are read as of the same revision. What is too long to be
 * a record is dropped from each, so that a store full of it takes no memory.
 *
 * @param range the range as the first page was asked for, without its limit
 */
export async function allPages(
  range: IRangeRequest,
  first: FirstPage<Page>,
  revision: string,
  read: (request: IRangeRequest) => Promise<Page>,
): Promise<readonly IKeyValue[]> {
  let { page, limit } = first
  if (!page.more) return bounded(page.kvs)
  const pages: (readonly IKeyValue[])[] = []
  for (;;) {
    pages.push(bounded(page.kvs))
    const last = page.kvs.at(-1)
    if (!page.more || last === undefined) return pages.flat()
    // The key after `last` is that with one more byte of 0.
    const rest = { ...range, key: Buffer.concat([last.key, Buffer.of(0)]), revision }
    const next = await readPage((keys) => read({ ...rest, limit: keys }), limitAfter(page.kvs, limit))
    page = next.page
    limit = next.limit
  }
}

function limitAfter(kvs: readonly IKeyValue[], limit: number): number {
  let bytes = 1
  for (const { value } of kvs) bytes += value.length
  const fitting = Math.floor((kvs.length * PAGE_BYTES) / bytes)
  return Math.max(1, Math.min(PAGE_KEYS, limit * GROWTH, fitting))
}

/** The same keys, without values that are too long. Copies: each of them would keep the whole reply alive. */
function bounded(kvs: readonly IKeyValue[]): readonly IKeyValue[] {
  if (!kvs.some(isTooLong)) return kvs
  return kvs.map((kv) => withoutExcess({ ...kv, key: Buffer.from(kv.key) }, Buffer.from))
}

/** The same key, with a short value in place of one that is too long. */
export function withoutExcess(kv: IKeyValue, keep = (value: Buffer): Buffer => value): IKeyValue {
  return { ...kv, value: isTooLong(kv) ? TOO_LONG : keep(kv.value) }
}

const isTooLong = ({ value }: IKeyValue): boolean => value.length > MAX_VALUE_BYTES
