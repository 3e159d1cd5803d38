import { backends, interfaceChoices, openFirewall, type PlanServices } from '@selvedge/agent'
import { linux } from '@selvedge/dataplane-linux'
import type { CliIo } from '../io.js'

/** What a plan of this host is made with: what the agent is. */
export const planServices = ({ clock }: CliIo, onWarning: (text: string) => void): PlanServices => ({
  openDrivers: async (settings) => [
    linux({ interface: interfaceChoices(settings) }),
    ...(await openFirewall(settings)),
  ],
  backends,
  clock,
  random: Math.random,
  onWarning,
})
