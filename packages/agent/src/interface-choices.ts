import type { AgentSettings } from './command-line/settings.js'

/** As `linux()` of `@selvedge/dataplane-linux` takes them. */
export type InterfaceChoice =
  | string
  | RegExp
  | {
      /** An IP address: the interface that the route to it leaves by. */
      readonly canReach: string
    }

/**
 * The order in which flanneld looks for the interface to peers: each `-iface`, each `-iface-regex`, `-iface-can-reach`.
 * Without any of these it is the one that bears the public address, if one was given, else that of the default route.
 */
export function interfaceChoices(settings: AgentSettings): readonly InterfaceChoice[] {
  const { namesOrAddresses, patterns, canReach } = settings.externalInterface
  const choices: InterfaceChoice[] = [...namesOrAddresses, ...patterns]
  if (canReach !== undefined) choices.push({ canReach })
  if (choices.length > 0) return choices
  const publicAddress = settings.publicIp ?? settings.publicIpv6
  return publicAddress === undefined ? [] : [publicAddress]
}
