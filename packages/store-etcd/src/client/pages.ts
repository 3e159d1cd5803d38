import type { IKeyValue, IRangeRequest, IRangeResponse } from 'etcd3'

/** How many keys one reply may have: 10,000 leases are some 2.5 MB, and gRPC accepts 4 MB by default. */
export const PAGE_KEYS = 10_000

/**
 * All keys of a range, given the first page of them; later pages are read as of the same revision.
 *
 * @param range the range as the first page was asked for, without its limit
 */
export async function allPages(
  range: IRangeRequest,
  first: Pick<IRangeResponse, 'kvs' | 'more'>,
  revision: string,
  read: (request: IRangeRequest) => Promise<Pick<IRangeResponse, 'kvs' | 'more'>>,
): Promise<readonly IKeyValue[]> {
  if (!first.more) return first.kvs
  const pages = [first.kvs]
  for (let page = first; page.more; pages.push(page.kvs)) {
    const last = page.kvs.at(-1)
    if (last === undefined) break
    // The key after `last` is that with one more byte of 0.
    page = await read({ ...range, key: Buffer.concat([last.key, Buffer.of(0)]), limit: PAGE_KEYS, revision })
  }
  return pages.flat()
}
