import type { AbortOptions, LeftLink } from '@selvedge/core'
import { withOverlayErrors } from '../kernel-error.js'
import { decodeLinkSettings } from '../link-types/index.js'
import { vxlan } from '../link-types/vxlan.js'
import { NetlinkConnection } from '../netlink/index.js'
import { LinkTable } from '../read/link-table.js'

/** All links of a network namespace, by path such as `/run/netns/blue`; this process's own by default. */
export async function readLinks({
  namespace,
  signal,
}: AbortOptions & { readonly namespace?: string | undefined } = {}): Promise<readonly LeftLink[]> {
  return withOverlayErrors(async () => {
    await using connection = new NetlinkConnection({ namespace })
    const { links } = await LinkTable.read(connection, { signal })
    return links.map(({ name, kind, alias, data }) => {
      const { vni } =
        kind === vxlan.name && data !== undefined ? decodeLinkSettings(vxlan, data, () => undefined) : {}
      return { name, type: kind, alias, ...(typeof vni === 'number' && { vni }) }
    })
  })
}
