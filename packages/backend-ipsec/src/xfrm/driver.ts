import {
  type AbortOptions,
  type Driver,
  type DriverEvent,
  type Operation,
  type OperationResult,
  OverlayError,
  type OwnershipScope,
} from '@selvedge/core'
import { type Cidr, contains, requireCidr } from '@selvedge/core/kit'
import {
  type MessageReader,
  NETLINK_XFRM,
  NetlinkConnection,
  type NetlinkError,
  NetlinkMonitor,
  toOverlayError,
  withOverlayErrors,
} from '@selvedge/dataplane-linux/kit'
import type { XfrmPolicyResource } from '../resource.js'
import {
  PRIORITY,
  readDeletedKey,
  readPolicy,
  writeDeletePolicy,
  writeGetPolicies,
  writePolicy,
  XFRM_MSG_DELPOLICY,
  XFRM_MSG_FLUSHPOLICY,
  XFRM_MSG_NEWPOLICY,
  XFRM_MSG_UPDPOLICY,
} from './policy.js'

const XFRMNLGRP_POLICY = 4
const NLM_F_REQUEST = 1

export interface XfrmDriverOptions {
  /** Network namespace, by path such as `/run/netns/blue`. Default: this process's own. */
  readonly namespace?: string | undefined
}

/**
 * The driver of the kernel's IPsec policies. Ours are those inside one of the scope's networks that lead into an ESP
 * tunnel of flannel's reqid, or that have the priority of our own `allow` and `block`.
 */
export function xfrmDriver(options: XfrmDriverOptions = {}): Driver<XfrmPolicyResource> {
  return new XfrmDriver(options)
}

class XfrmDriver implements Driver<XfrmPolicyResource> {
  readonly name = 'xfrm'
  readonly kinds = ['xfrm-policy'] as const
  readonly #namespace: string | undefined
  #connection: NetlinkConnection | undefined
  /** The keys of what is ours, as last read and written since. */
  #known = new Set<string>()
  /** The keys of what this driver has written: ours, even if another program has changed it. */
  readonly #written = new Set<string>()

  constructor({ namespace }: XfrmDriverOptions) {
    this.#namespace = namespace
  }

  async snapshot(scope: OwnershipScope, options: AbortOptions = {}): Promise<readonly XfrmPolicyResource[]> {
    const networks = scope.networks.map(requireCidr)
    const policies = await this.#read(options)
    const ours = policies.filter((policy) => this.#written.has(policy.key) || isOurs(policy, networks))
    this.#known = new Set(ours.map(({ key }) => key))
    return ours
  }

  async apply(
    operations: readonly Operation<XfrmPolicyResource>[],
    options: AbortOptions = {},
  ): Promise<readonly OperationResult[]> {
    return withOverlayErrors(async () => {
      const connection = this.#open()
      const existing = new Set(this.#known)
      const failures = await connection.batch(operations, {
        ...options,
        write: (writer, { type, resource }, sequence) => {
          const { port } = connection
          if (type === 'delete') {
            existing.delete(resource.key)
            return writeDeletePolicy(writer, NLM_F_REQUEST, sequence, resource, port)
          }
          // The kernel refuses a NEWPOLICY if there is one, which is another program's then: it is not replaced.
          const message = existing.has(resource.key) ? XFRM_MSG_UPDPOLICY : XFRM_MSG_NEWPOLICY
          existing.add(resource.key)
          writePolicy(writer, message, NLM_F_REQUEST, sequence, resource, port)
        },
        describe: ({ type, resource }) => `${type === 'put' ? 'setting' : 'deleting'} ${resource.key}`,
      })
      return operations.map((operation): OperationResult => {
        const { type, resource } = operation
        const failure = failures.get(operation)
        if (failure !== undefined && !(type === 'delete' && failure.errno === 'ENOENT')) {
          return { ok: false, error: errorOf(failure), stale: true }
        }
        for (const keys of [this.#known, this.#written]) {
          if (type === 'put') keys.add(resource.key)
          else keys.delete(resource.key)
        }
        return { ok: true }
      })
    })
  }

  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent, void, undefined> {
    const pending = new Set<DriverEvent['type']>()
    let failure: unknown
    let wake = () => {}
    const report = (type: DriverEvent['type']) => {
      pending.add(type)
      wake()
    }
    const abort = () => wake()
    signal.addEventListener('abort', abort, { once: true })
    const monitor = new NetlinkMonitor({
      namespace: this.#namespace,
      protocol: NETLINK_XFRM,
      groups: [XFRMNLGRP_POLICY],
      ignoredPort: this.#open().port,
      onNotification: (message) => {
        if (this.#isForeignChange(message)) report('changed')
      },
      onOverrun: () => report('overrun'),
      onError: (error) => {
        failure ??= error
        wake()
      },
    })
    try {
      while (!signal.aborted) {
        if (failure !== undefined)
          throw OverlayError.from(failure, 'DRIVER_REFUSED', 'watching xfrm policies')
        const [type] = pending
        if (type !== undefined) {
          pending.delete(type)
          yield { type }
          continue
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    } finally {
      signal.removeEventListener('abort', abort)
      monitor.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection?.[Symbol.asyncDispose]()
  }

  #isForeignChange(message: MessageReader): boolean {
    if (message.port === this.#connection?.port) return false
    const { type } = message
    if (type === XFRM_MSG_FLUSHPOLICY) return true
    if (type === XFRM_MSG_DELPOLICY) return this.#known.has(readDeletedKey(message) ?? '')
    if (type !== XFRM_MSG_NEWPOLICY && type !== XFRM_MSG_UPDPOLICY) return false
    const policy = readPolicy(message)
    return policy !== undefined && (this.#known.has(policy.key) || hasOurMark(policy))
  }

  async #read(options: AbortOptions): Promise<XfrmPolicyResource[]> {
    return withOverlayErrors(() =>
      this.#open().dump('reading xfrm policies', writeGetPolicies, (each) => readPolicy(each), options),
    )
  }

  #open(): NetlinkConnection {
    this.#connection ??= new NetlinkConnection({ namespace: this.#namespace, protocol: NETLINK_XFRM })
    return this.#connection
  }
}

/** A policy of ours says so, in a tunnel's reqid (which `readPolicy` requires) or in its priority. */
const hasOurMark = ({ tunnel, action, priority }: XfrmPolicyResource): boolean =>
  tunnel !== undefined || priority === PRIORITY[action]

function isOurs(policy: XfrmPolicyResource, networks: readonly Cidr[]): boolean {
  const [source, destination] = [requireCidr(policy.source), requireCidr(policy.destination)]
  return (
    hasOurMark(policy) &&
    networks.some((network) => contains(network, source) && contains(network, destination))
  )
}

function errorOf(error: NetlinkError): OverlayError {
  if (error.errno !== 'EEXIST') return toOverlayError(error)
  const rest = 'another program has a policy there; see `ip xfrm policy`, and delete it'
  return new OverlayError('RESOURCE_CONFLICT', `${error.message}: ${rest}`, { cause: error, errno: 'EEXIST' })
}
