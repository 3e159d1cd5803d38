import type { StoreSettings } from '@selvedge/agent/flags'
import { configDifferences, parseNetworkConfig } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import { LATE_MS } from '../../leases/lease-end.js'
import type { Facts } from '../facts/facts.js'
import { type Check, fatal, warning } from '../finding.js'
import { nodeOf, ownLease, pageOf } from './known.js'

const NEARLY_FULL = 0.9

/** How what is no lease is deleted, beside selvedge's own commands, which know leases alone. */
const DELETING: Partial<Record<StoreSettings['type'], string>> = {
  etcd: ': etcdctl del KEY',
  nats: ': nats kv del BUCKET KEY',
}

export const storeChecks: readonly Check[] = [
  {
    id: 'store.no-config',
    title: 'there is a network config',
    find: ({ store }) =>
      store?.state === 'answers' && store.config === undefined
        ? [
            fatal(
              `${store.place} has no network config: agents wait for it`,
              `echo '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}' | selvedge config set -`,
            ),
          ]
        : [],
  },
  {
    id: 'store.invalid-config',
    title: 'the network config is valid',
    find: ({ store }) =>
      store?.state === 'answers' && store.configProblem !== undefined
        ? [
            fatal(
              `the network config in ${store.place} cannot be used: ${store.configProblem}`,
              'correct it: selvedge config set',
            ),
          ]
        : [],
  },
  {
    id: 'store.config-not-in-force',
    title: 'the agent runs by the config that is stored',
    find: (facts) => {
      const differences = differencesFromInForce(facts)
      return differences.length === 0
        ? []
        : [
            warning(
              `the network config in the store is not the one in force: ${differences.join('; ')}`,
              'restart the agents, one host after the other: systemctl restart selvedged',
            ),
          ]
    },
  },
  {
    id: 'store.lease-missing',
    title: "this host's lease is in the store",
    find: (facts) => {
      const { store } = facts
      const own = ownLease(facts)
      if (store?.state !== 'answers' || own === undefined) return []
      if (store.leases.some(({ key }) => key === own.key)) return []
      return [
        fatal(
          `the agent's lease ${own.key} is not in ${store.place}: another host may get its subnet`,
          'is it the store that the agent uses? if so, restart the agent, which takes its subnet again: systemctl restart selvedged',
        ),
      ]
    },
  },
  {
    id: 'store.lease-ends',
    title: "this host's lease is renewed in time",
    find: (facts) => {
      const { key, expiresAt } = leaseEnd(facts)
      if (expiresAt === undefined || !isLeaseEnding(facts)) return []
      return [
        fatal(
          `the lease ${key} ends in ${Math.max(0, Math.round((expiresAt - facts.now) / 1000))} s, and has not been renewed`,
          "the agent's log says why it is not renewed; once the store answers it is renewed at once",
        ),
      ]
    },
  },
  {
    id: 'store.stale',
    title: 'what the agent knows of the store is fresh',
    find: (facts) => {
      const known = pageOf(facts)?.store
      if (known === undefined || (known.connected && !known.fromCache)) return []
      const seconds = Math.round(known.staleMs / 1000)
      if (seconds < 5 && !known.fromCache) return []
      return [
        warning(
          `the agent has not heard from ${known.name} for ${seconds} s${known.error === undefined ? '' : `: ${known.error}`}`,
          'see store.unreachable; peers that join or move meanwhile are not reached',
        ),
      ]
    },
  },
  {
    id: 'store.records',
    title: 'every record of the store is a lease',
    find: ({ store }) =>
      store?.state === 'answers' && store.problems.length > 0
        ? [
            warning(
              `${store.problems.length} record${store.problems.length === 1 ? ' is' : 's are'} no usable lease: ${store.problems.slice(0, 3).join('; ')}`,
              `selvedge leases list shows them; delete what no host has${DELETING[store.type] ?? ''}`,
            ),
          ]
        : [],
  },
  {
    id: 'store.outside',
    title: 'every lease is inside the network, and has the length of its subnets',
    find: (facts) => {
      const { store } = facts
      if (store?.state !== 'answers' || store.outside.size === 0) return []
      const shown = store.leases
        .filter(({ key }) => store.outside.has(key))
        .slice(0, 3)
        .map(({ key, publicIp }) => `${printable(key)} of ${publicIp ?? 'no address'}`)
      return [
        warning(
          `${store.outside.size} leases do not fit the network ${store.networks.join(', ')}, and are refused or given up: ${shown.join(', ')}`,
          'restart the agents of their hosts, one after the other, which then lease subnets that fit; the lease of a host that is gone for good: selvedge leases release KEY --force',
        ),
      ]
    },
  },
  {
    id: 'store.full',
    title: 'there are subnets left to lease',
    find: ({ store }) => {
      if (store?.state !== 'answers' || store.subnets === undefined) return []
      const used = store.leases.length
      if (used < store.subnets * NEARLY_FULL) return []
      const what = `${used} of ${store.subnets} subnets are leased or reserved`
      const remedy =
        'release what no host has (selvedge leases list, release), or give the network more: SubnetMin, SubnetMax, a greater Network'
      return [used >= store.subnets ? fatal(`${what}: no host can join`, remedy) : warning(what, remedy)]
    },
  },
]

/** Of this host's lease, as the store tells it, or else the agent. */
function leaseEnd(facts: Facts): { readonly key?: string; readonly expiresAt?: number | undefined } {
  const key = ownLease(facts)?.key
  const { store } = facts
  const stored = store?.state === 'answers' ? store.leases.find((lease) => lease.key === key) : undefined
  return {
    ...(key === undefined ? {} : { key }),
    expiresAt: stored?.expiresAt ?? nodeOf(facts)?.lease.expiresAt,
  }
}

/** Whether it ends soon, and nothing renews it. */
export function isLeaseEnding(facts: Facts): boolean {
  const { expiresAt } = leaseEnd(facts)
  if (expiresAt === undefined) return false
  const left = expiresAt - facts.now
  // One that is meant to be short is renewed in its last third.
  const isRenewed = facts.agent?.state === 'answers' && left > 0 && pageOf(facts)?.store.connected === true
  return left <= LATE_MS && !isRenewed
}

/** The agent itself reads the config once a minute. */
function differencesFromInForce(facts: Facts): readonly string[] {
  const inForce = pageOf(facts)?.config?.inForce
  const { store } = facts
  if (typeof inForce !== 'object' || inForce === null) return []
  if (store?.state !== 'answers' || typeof store.comparable !== 'object' || store.comparable === null)
    return []
  return configDifferences(parseNetworkConfig(inForce), parseNetworkConfig(store.comparable))
}
