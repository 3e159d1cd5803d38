import { listOf } from './run.js'

/** As `ip -json` prints it, as far as it is read. */
export interface LinkFact {
  readonly ifindex: number
  readonly ifname: string
  readonly flags: readonly string[]
  readonly mtu: number
  readonly address?: string
  readonly master?: string
  readonly ifalias?: string
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: Readonly<Record<string, unknown>> }
  readonly addr_info: readonly {
    readonly family: 'inet' | 'inet6'
    readonly local: string
    readonly prefixlen: number
    readonly scope: string
    readonly deprecated?: boolean
    readonly tentative?: boolean
    readonly dadfailed?: boolean
  }[]
}

export interface RouteFact {
  /** `default`, an address, or a CIDR. */
  readonly dst: string
  readonly gateway?: string
  readonly dev?: string
  readonly protocol?: string
  readonly type?: string
  readonly table?: string
}

export interface NetworkFacts {
  readonly links: readonly LinkFact[]
  readonly routes: readonly RouteFact[]
}

/** The links, addresses and routes of this network namespace; undefined without `ip`. */
export async function networkFacts(): Promise<NetworkFacts | undefined> {
  const [links, routes, routes6] = await Promise.all([
    listOf<LinkFact>('ip', ['-json', '-details', 'address', 'show']),
    listOf<RouteFact>('ip', ['-json', '-details', '-4', 'route', 'show', 'table', 'all']),
    listOf<RouteFact>('ip', ['-json', '-details', '-6', 'route', 'show', 'table', 'all']),
  ])
  return links === undefined ? undefined : { links, routes: [...(routes ?? []), ...(routes6 ?? [])] }
}
