import type { Facts } from '../facts/facts.js'
import type { Check, Finding } from '../finding.js'
import { agentChecks } from './agent.js'
import { desiredChecks } from './desired.js'
import { featureChecks } from './features.js'
import { firewallChecks } from './firewall.js'
import { hostChecks } from './host.js'
import { identityChecks } from './identity.js'
import { kernelChecks } from './kernel.js'
import { leaseChecks } from './lease.js'
import { natChecks } from './nat.js'
import { overlapChecks } from './overlap.js'
import { pathChecks } from './path.js'
import { plainTextChecks } from './plain-text.js'
import { podChecks } from './pods.js'
import { routeChecks } from './routes.js'
import { serviceChecks } from './services.js'
import { storeChecks } from './store.js'
import { storeAccessChecks } from './store-access.js'

export const CHECKS: readonly Check[] = [
  ...hostChecks,
  ...featureChecks,
  ...routeChecks.filter(({ id }) => id.startsWith('host.')),
  ...serviceChecks,
  ...firewallChecks,
  ...identityChecks,
  ...storeAccessChecks,
  ...storeChecks,
  ...leaseChecks,
  ...overlapChecks,
  ...agentChecks,
  ...kernelChecks,
  ...desiredChecks,
  ...routeChecks.filter(({ id }) => id.startsWith('kernel.')),
  ...pathChecks,
  ...plainTextChecks,
  ...natChecks,
  ...podChecks,
]

/** One cause may have thousands of effects, such as a record for each of 5,000 peers. */
const MAX_PER_CHECK = 5

function bounded(found: readonly Omit<Finding, 'id'>[]): readonly Omit<Finding, 'id'>[] {
  const [last, ...more] = found.slice(MAX_PER_CHECK - 1)
  if (last === undefined || more.length === 0) return found
  const what = `${last.what} (and ${more.length} more of the kind)`
  return [...found.slice(0, MAX_PER_CHECK - 1), { ...last, what }]
}

/** What is wrong, fatal findings first; of each check a few. */
export function diagnose(facts: Facts, { pre = false } = {}): readonly Finding[] {
  const found = CHECKS.filter((check) => !pre || check.pre === true).flatMap(({ id, find }) =>
    bounded(find(facts)).map((finding) => ({ id, ...finding })),
  )
  return [
    ...found.filter(({ severity }) => severity === 'fatal'),
    ...found.filter(({ severity }) => severity === 'warning'),
  ]
}
