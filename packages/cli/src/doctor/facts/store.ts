import { networkInterfaces } from 'node:os'
import type { StoreSettings } from '@selvedge/agent/flags'
import {
  type FamilyNetwork,
  isOverlayError,
  type Lease,
  leaseKey,
  networkConfigJson,
  parseNetworkConfig,
} from '@selvedge/core'
import { LeasedSubnets, requireCidr } from '@selvedge/core/kit'
import { type OperatorStore, openOperatorStore, placeOf, type StoredLeases } from '../../store/open.js'
import { withTimeLimit } from '../../tools/time-limit.js'
import type { LeaseFact, StoreFact } from './answers.js'

/** A store that needs longer is as good as away. */
const TIMEOUT_MS = 2_500
/** A host has one, or one of each family. */
const MAX_OWN = 4
/** Sixteen are asked about at a time. */
const MAX_PEERS = 64

export async function storeFact(settings: StoreSettings, signal: AbortSignal): Promise<StoreFact> {
  const { type } = settings
  const place = placeOf(settings)
  const late = new Error(`no answer in ${TIMEOUT_MS / 1000} s`)
  let rights: StoreFact['rights']
  try {
    return await withTimeLimit({ limitMs: TIMEOUT_MS, signal, late }, async (within) => {
      await using store = await openOperatorStore(settings, { signal: within, onWarning: () => {} })
      // One that may not list its leases says which right is missing all the same.
      const asked = store.manager.rights?.({ signal: within }).catch(() => undefined)
      try {
        const answer = await answerOf(store)
        rights = await asked
        return { state: 'answers', type, place, ...answer, rights }
      } catch (error) {
        rights = await asked
        throw error
      }
    })
  } catch (error) {
    signal.throwIfAborted()
    const code = isOverlayError(error) ? error.code : 'STORE_UNAVAILABLE'
    const why = error instanceof Error ? error.message : String(error)
    return { state: 'failed', type, place, code, why, rights }
  }
}

async function answerOf(store: OperatorStore) {
  const config = await store.configText()
  const { withoutSecrets } = await import('@selvedge/agent')
  const listed = await store.list()
  const { leases, faults } = listed
  const facts = configFacts(config, withoutSecrets)
  const ends = await endsOf(listed)
  return {
    config,
    ...facts,
    leases: leases.map((lease) => leaseFact(lease, ends.get(leaseKey(lease)))),
    outside: new Set(leases.filter((lease) => facts.fits?.fits(lease) === false).map(leaseKey)),
    problems: faults.map(({ message }) => message),
  }
}

/**
 * Of this host's leases, and of some peers', by their keys: etcd tells the end of each only if it is asked for it. Of very many,
 * each run asks about others.
 */
async function endsOf({ leases, withEnds }: StoredLeases): Promise<ReadonlyMap<string, number | undefined>> {
  const addresses = new Set(
    Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address)),
  )
  const isOwn = ({ attributes: { publicIp, publicIpv6 } }: Lease): boolean =>
    [publicIp, publicIpv6].some((address) => address !== undefined && addresses.has(address))
  const peers = leases
    .filter((lease) => !isOwn(lease))
    .map((lease) => ({ lease, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ lease }) => lease)
  const asked = [...leases.filter(isOwn).slice(0, MAX_OWN), ...peers.slice(0, MAX_PEERS)]
  const known = await withEnds(asked).catch(() => [])
  return new Map(known.map((lease) => [leaseKey(lease), lease.expiresAt]))
}

type WithoutSecrets = typeof import('@selvedge/agent').withoutSecrets

function configFacts(text: string | undefined, withoutSecrets: WithoutSecrets) {
  const nothing = {
    configProblem: undefined,
    comparable: undefined,
    subnets: undefined,
    networks: [],
    backend: undefined,
    fits: undefined,
  }
  if (text === undefined) return nothing
  try {
    const config = parseNetworkConfig(text)
    const { ipv4, ipv6 } = config
    const comparable = withoutSecrets(networkConfigJson(config))
    const networks = [ipv4, ipv6].flatMap((family) => (family === undefined ? [] : [family.network]))
    return {
      ...nothing,
      comparable,
      subnets: (ipv4 ?? ipv6) && subnetsOf(ipv4 ?? ipv6),
      networks,
      backend: (config.backend?.type ?? 'udp').toLowerCase(),
      fits: new LeasedSubnets(config),
    }
  } catch (error) {
    return { ...nothing, configProblem: error instanceof Error ? error.message : String(error) }
  }
}

/** How many subnets there are to lease; of very many, so many. */
function subnetsOf(family: FamilyNetwork | undefined): number | undefined {
  if (family === undefined) return undefined
  const [first, last] = [family.subnetMin, family.subnetMax].map((base) =>
    requireCidr(`${base}/${family.subnetLength}`),
  )
  if (first === undefined || last === undefined) return undefined
  const shift = BigInt((first.family === 4 ? 32 : 128) - family.subnetLength)
  return Number(((last.base - first.base) >> shift) + 1n)
}

function leaseFact(lease: Lease, end: number | undefined): LeaseFact {
  const { attributes, expiresAt = end } = lease
  const { VtepMAC } = Object(attributes.backendData)
  return {
    key: leaseKey(lease),
    publicIp: attributes.publicIp ?? attributes.publicIpv6,
    backendType: attributes.backendType,
    vtepMac: typeof VtepMAC === 'string' ? VtepMAC.toLowerCase() : undefined,
    expiresAt,
  }
}
