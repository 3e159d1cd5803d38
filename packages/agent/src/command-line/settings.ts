import { formatAddress, parseAddress, whyNoHostAddress } from '@selvedge/core/kit'
import { invalid, UsageError } from './flag-set.js'
import type { FlagName, SelvedgedFlags } from './flannel-flags.js'
import { parseGoRegExp } from './go-regexp.js'
import { type KubeSettings, kubeSettings, type Variables } from './kube-settings.js'
import { type LocalSettings, localSettings } from './local-settings.js'
import { missingFeatures } from './missing-features.js'
import { type NatsSettings, natsSettings } from './nats-settings.js'
import { plainTextWarnings } from './plain-text.js'
import { type RulesSettings, rulesSettings } from './rules-settings.js'

/** Which etcd, and how to authenticate. */
export interface EtcdSettings {
  readonly type: 'etcd'
  /** URLs of the cluster's members, one or more. */
  readonly endpoints: readonly string[]
  /** The prefix of the network's keys, such as `/coreos.com/network`. */
  readonly prefix: string
  /** Paths of PEM files. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  /** Undefined if etcd is asked without a user. */
  readonly username: string | undefined
  /** A secret. Undefined if etcd is asked without a user. */
  readonly password: string | undefined
  /** How long a lease lasts unless renewed, in ms; at least 5,000. flannel's is 24 hours. */
  readonly leaseTermMs: number
}

/** Where leases come from. */
export type StoreSettings = EtcdSettings | KubeSettings | LocalSettings | NatsSettings

/** How the interface to peers is found: by names and addresses first, then by patterns, then by `canReach`. */
export interface InterfaceSettings {
  /** In the order in which they are tried. */
  readonly namesOrAddresses: readonly string[]
  /** In the order in which they are tried: on addresses, then on names. */
  readonly patterns: readonly RegExp[]
  /** An address that the interface's routes lead to; undefined if none was given. */
  readonly canReach: string | undefined
}

/** The flags, checked, in the units and words of the rest of selvedge. */
export interface AgentSettings extends RulesSettings {
  /** Where leases come from. */
  readonly store: StoreSettings
  /** `-iface`, `-iface-regex` and `-iface-can-reach`. */
  readonly externalInterface: InterfaceSettings
  /** `-public-ip`; undefined: the external interface's. */
  readonly publicIp: string | undefined
  /** `-public-ipv6`; undefined: the external interface's. */
  readonly publicIpv6: string | undefined
  /** The path of subnet.env: `-subnet-file`. */
  readonly subnetFile: string
  /** How long before its end the lease is renewed, in ms: `-subnet-lease-renew-margin`, which is in minutes. */
  readonly renewMarginMs: number
  /** Whether packets to addresses of this node's subnet that no pod has are dropped: `-ip-blackhole-route`. */
  readonly blackholeRoute: boolean
  /** The path of the lease cache; undefined for none: `-lease-cache`. */
  readonly leaseCache: string | undefined
  /** Path of the Unix socket at which programs of this host ask the agent. */
  readonly controlSocket: string | undefined
  /** Whether the lease is given back when the agent is stopped: `-release-lease`. */
  readonly releaseLease: boolean
  /** The UDP port at which peers probe each other; undefined if they are not probed. */
  readonly probePort: number | undefined
  /** Where to serve health and metrics; undefined for nowhere. */
  readonly health: { readonly ip: string; readonly port: number } | undefined
  /** Whether to serve the page for people there. */
  readonly dashboard: boolean
  /** 0 and up, as klog's -v. */
  readonly verbosity: number
  /** A sentence for each requested feature that is missing. */
  readonly warnings: readonly string[]
}

const MINUTE_MS = 60_000
/** An etcd lease of flannel's lasts 24 hours, and is renewed within them. */
const MAX_RENEW_MARGIN_MINUTES = 24 * 60 - 1
const MIN_LEASE_TERM_MS = 5_000
const MAX_PORT = 65_535

/** Checks what was given. Throws a UsageError that names the flag and the value. */
export function readSettings(
  values: SelvedgedFlags,
  given: ReadonlySet<FlagName>,
  variables: Variables,
): AgentSettings {
  const margin = values['subnet-lease-renew-margin']
  if (margin < 1 || margin > MAX_RENEW_MARGIN_MINUTES) {
    throw invalid('subnet-lease-renew-margin', margin, `it must be 1 to ${MAX_RENEW_MARGIN_MINUTES}`)
  }
  const port = values['healthz-port']
  if (port < 0 || port > MAX_PORT) throw invalid('healthz-port', port, `it must be 0 to ${MAX_PORT}`)
  const probePort = values['probe-port']
  if (probePort < 1 || probePort > MAX_PORT) {
    throw invalid('probe-port', probePort, `it must be 1 to ${MAX_PORT}`)
  }
  if (values.dashboard && port === 0) {
    throw new UsageError('flag -dashboard needs a port to be served at: give -healthz-port too')
  }
  if (values['subnet-file'] === '') throw invalid('subnet-file', '', 'it must name a file')
  const store = storeSettings(values, given, variables)
  return {
    warnings: [
      ...missingFeatures(values, given),
      ...plainTextWarnings(store),
      ...exposureWarnings(values.dashboard, values['healthz-ip']),
    ],
    store,
    externalInterface: interfaceSettings(values),
    publicIp: addressOf(values, 'public-ip', 4),
    publicIpv6: addressOf(values, 'public-ipv6', 6),
    subnetFile: values['subnet-file'],
    renewMarginMs: margin * MINUTE_MS,
    ...rulesSettings(values),
    blackholeRoute: values['ip-blackhole-route'],
    leaseCache: values['lease-cache'] || undefined,
    controlSocket: values['control-socket'] || undefined,
    releaseLease: values['release-lease'],
    probePort: values['probe-peers'] ? probePort : undefined,
    health: port === 0 ? undefined : { ip: values['healthz-ip'], port },
    dashboard: values.dashboard,
    verbosity: values.v,
  }
}

/** The dashboard has no login, and flannel's default is to serve health everywhere. */
function exposureWarnings(dashboard: boolean, ip: string): readonly string[] {
  const isEverywhere = /^[0:.]*$/.test(ip)
  return dashboard && isEverywhere
    ? [
        `flag -dashboard: whoever reaches any address of this host sees every peer, without a login (-healthz-ip=${ip}); give -healthz-ip=127.0.0.1 to keep the page on this host`,
      ]
    : []
}

function storeSettings(
  values: SelvedgedFlags,
  given: ReadonlySet<FlagName>,
  variables: Variables,
): StoreSettings {
  if (values['local-store'] !== '') return localSettings(values, given)
  if (values['nats-servers'] !== '') return natsSettings(values, given)
  return values['kube-subnet-mgr'] ? kubeSettings(values, variables) : etcdSettings(values)
}

function etcdSettings(values: SelvedgedFlags): EtcdSettings {
  const { 'etcd-username': username, 'etcd-password': password, 'etcd-lease-ttl': ttl } = values
  const { 'etcd-cafile': ca, 'etcd-certfile': cert, 'etcd-keyfile': key } = values
  if ((cert === '') !== (key === '')) {
    throw new UsageError('flags -etcd-certfile and -etcd-keyfile belong together: give both, or neither')
  }
  if ((username === '') !== (password === '')) {
    throw new UsageError('flags -etcd-username and -etcd-password belong together: give both, or neither')
  }
  if (ttl < MIN_LEASE_TERM_MS || ttl % 1000 !== 0) {
    throw invalid('etcd-lease-ttl', `${ttl / 1000}s`, 'it must be whole seconds, at least 5s')
  }
  const secure = [ca, cert, key].some((file) => file !== '')
  return {
    type: 'etcd',
    endpoints: values['etcd-endpoints'].split(',').map((text) => endpointOf(text.trim(), secure)),
    prefix: values['etcd-prefix'],
    tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
    username: username || undefined,
    password: password || undefined,
    leaseTermMs: ttl,
  }
}

/** Accepts `host:port` without a scheme, as etcd's own clients do. */
function endpointOf(text: string, secure: boolean): string {
  const url = text.includes('://') ? text : `${secure ? 'https' : 'http'}://${text}`
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw invalid('etcd-endpoints', withoutUser(text), 'each must be a URL such as https://10.0.0.5:2379')
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw invalid(
      'etcd-endpoints',
      withoutUser(text),
      'user and password go into -etcd-username and -etcd-password',
    )
  }
  return url
}

/** What precedes an `@` may be a password. */
function withoutUser(text: string): string {
  return text.slice(text.lastIndexOf('@') + 1)
}

function interfaceSettings(values: SelvedgedFlags): InterfaceSettings {
  // As in manifests that fill them in from an empty variable.
  const given = (texts: readonly string[]) => texts.filter((text) => text.trim() !== '')
  const namesOrAddresses = given(values.iface)
  const patterns = given(values['iface-regex']).map((text) => {
    try {
      return parseGoRegExp(text)
    } catch (cause) {
      throw invalid('iface-regex', text, cause instanceof Error ? cause.message : String(cause))
    }
  })
  const canReach = values['iface-can-reach'] || undefined
  if (canReach !== undefined && parseAddress(canReach) === undefined) {
    throw invalid('iface-can-reach', canReach, 'it must be an IP address')
  }
  return { namesOrAddresses, patterns, canReach }
}

function addressOf(
  values: SelvedgedFlags,
  flag: 'public-ip' | 'public-ipv6',
  family: 4 | 6,
): string | undefined {
  const text = values[flag]
  if (text === '') return undefined
  const address = parseAddress(text)
  if (address?.family !== family) throw invalid(flag, text, `it must be an IPv${family} address`)
  // In the one form in which a store's record is compared: FD77:0::1 would not be known as this node's own.
  const canonical = formatAddress(address)
  const why = whyNoHostAddress(canonical)
  if (why !== undefined) throw invalid(flag, text, `no peer reaches a host at ${why}`)
  return canonical
}
