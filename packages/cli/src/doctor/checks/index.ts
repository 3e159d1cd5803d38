import type { Facts } from '../facts/facts.js'
import type { Check, Finding } from '../finding.js'
import { agentChecks } from './agent.js'
import { desiredChecks } from './desired.js'
import { firewallChecks } from './firewall.js'
import { hostChecks } from './host.js'
import { identityChecks } from './identity.js'
import { kernelChecks } from './kernel.js'
import { overlapChecks } from './overlap.js'
import { pathChecks } from './path.js'
import { podChecks } from './pods.js'
import { routeChecks } from './routes.js'
import { serviceChecks } from './services.js'
import { storeChecks } from './store.js'

export const CHECKS: readonly Check[] = [
  ...hostChecks,
  ...routeChecks.filter(({ id }) => id.startsWith('host.')),
  ...serviceChecks,
  ...firewallChecks,
  ...identityChecks,
  ...storeChecks,
  ...overlapChecks,
  ...agentChecks,
  ...kernelChecks,
  ...desiredChecks,
  ...routeChecks.filter(({ id }) => id.startsWith('kernel.')),
  ...pathChecks,
  ...podChecks,
]

/** What is wrong, fatal findings first. */
export function diagnose(facts: Facts, { pre = false } = {}): readonly Finding[] {
  const found = CHECKS.filter((check) => !pre || check.pre === true).flatMap(({ id, find }) =>
    find(facts).map((finding) => ({ id, ...finding })),
  )
  return [
    ...found.filter(({ severity }) => severity === 'fatal'),
    ...found.filter(({ severity }) => severity === 'warning'),
  ]
}
