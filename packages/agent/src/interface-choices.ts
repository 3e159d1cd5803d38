import type { AgentSettings } from './command-line/settings.js'

/** As `linux()` of `@selvedge/dataplane-linux` takes them. */
export type InterfaceChoice = string | RegExp | { readonly canReach: string }

/**
 * In which order flanneld looks for the interface to peers: every `-iface`, every `-iface-regex`, `-iface-can-reach`;
 * without any of these the one that bears the public address, where one was given; else that of the default route.
 */
export function interfaceChoices(settings: AgentSettings): readonly InterfaceChoice[] {
  const { namesOrAddresses, patterns, canReach } = settings.externalInterface
  const asked: InterfaceChoice[] = [...namesOrAddresses, ...patterns]
  if (canReach !== undefined) asked.push({ canReach })
  if (asked.length > 0) return asked
  const publicAddress = settings.publicIp ?? settings.publicIpv6
  return publicAddress === undefined ? [] : [publicAddress]
}
