import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AbortOptions,
  type Driver,
  type DriverEvent,
  type Operation,
  type OperationResult,
  OverlayError,
  type OwnershipScope,
} from '@selvedge/core'
import { contains, requireCidr } from '@selvedge/core/kit'
import {
  type IkeConnectionResource,
  type IkeDaemonResource,
  type IkeResource,
  type IkeSecretResource,
  ikeDaemon,
  ikeSecret,
} from '../resource.js'
import type { IpsecSettings } from '../settings.js'
import { ViciClient, type ViciOptions } from '../vici/client.js'
import { deleteStates, readStates } from '../xfrm/state.js'
import { StateMonitor } from '../xfrm/state-monitor.js'
import { childName, connectedNames, loadConn, readConnections } from './connection.js'
import { childrenWithoutStates, LostStates } from './lost-states.js'
import { Problems, saysThatSomethingEnded } from './problems.js'
import { CharonProcess } from './process.js'
import { Redials } from './redials.js'

export const DEFAULT_FOLDER = '/run/selvedge/ipsec'

/** charon answers within milliseconds. On a busy machine it takes seconds for the numbers of one key agreement, meanwhile. */
const ANSWER_TIMEOUT_MS = 10_000

/**
 * A charon of our own that cannot be read from for so long is replaced: it no longer works. One that is merely slow must
 * not be: its successor would have all key agreements to do again.
 */
const HUNG_AFTER_MS = 30_000

/** Whether it is stopped is looked at so much more often than what it has. */
const LOOKS_PER_READ = 3

/** Between two looks, whatever happens meanwhile. */
const MIN_PAUSE_MS = 50

export interface IkeDriverOptions {
  /** Where the charon that is started keeps its configuration, socket and log. */
  readonly folder: string
  /** charon's path, if one may be started. */
  readonly charon?: string | undefined
  /** An existing charon is used instead. */
  readonly viciUri?: string | undefined
  /** Whether charon itself does ESP. */
  readonly userspace: boolean
  readonly settings: IpsecSettings
  /** Default: 3600. */
  readonly rekeySeconds?: number | undefined
  /** Take secrets that others have loaded for current: for a plan. Default: false, they are loaded again. */
  readonly trustsSecrets?: boolean | undefined
  /** How often to look whether another program changed something, in milliseconds, since charon does not say. Default: 3000. */
  readonly pollMs?: number | undefined
}

/**
 * The driver of strongSwan's charon: a charon of our own, which outlives this process and is adopted by the next, the
 * PSK by the addresses of its owners, and connections, by vici. Connections and secrets that are not inside the scope's
 * networks, or not as it makes them, are another program's.
 */
export function ikeDriver(options: IkeDriverOptions): Driver<IkeResource> {
  return new IkeDriver(options)
}

class IkeDriver implements Driver<IkeResource> {
  readonly name = 'charon'
  readonly kinds = ['ike-daemon', 'ike-secret', 'ike-connection'] as const
  readonly #options: IkeDriverOptions
  /** Undefined if an existing charon is used. */
  readonly #process: CharonProcess | undefined
  readonly #uri: string
  readonly #problems = new Problems()
  /** The secrets that this driver has loaded: it cannot be asked what others hold. */
  readonly #loaded = new Set<string>()
  /** On the clock of `performance.now`. */
  readonly #redials = new Redials()
  readonly #lostStates = new LostStates()
  /** Since when all reads have failed, on the clock of `performance.now`. */
  #failingSince: number | undefined
  #isWoken = false
  /** Ends the pause of the watch. */
  #wake = (): void => {}
  #scope: OwnershipScope = { aliases: [], links: [], networks: [] }
  /** All that was there when it was last read or written. */
  #known = ''

  constructor(options: IkeDriverOptions) {
    this.#options = options
    const { viciUri, folder, charon = '' } = options
    this.#process = viciUri === undefined ? new CharonProcess(folder, charon) : undefined
    this.#uri = viciUri ?? new CharonProcess(folder, charon).viciUri
  }

  async snapshot(scope: OwnershipScope, { signal }: AbortOptions = {}): Promise<readonly IkeResource[]> {
    this.#scope = scope
    const resources = await this.#read(signal)
    this.#known = JSON.stringify(resources)
    return resources
  }

  async apply(
    operations: readonly Operation<IkeResource>[],
    { signal }: AbortOptions = {},
  ): Promise<readonly OperationResult[]> {
    const results = new Map<Operation<IkeResource>, OperationResult>()
    for (const operation of [...operations].sort((a, b) => turnOf(a) - turnOf(b))) {
      try {
        const stale = await this.#carryOut(operation, signal)
        results.set(operation, { ok: true, ...(stale ? { stale } : {}) })
      } catch (thrown) {
        signal?.throwIfAborted()
        results.set(operation, {
          ok: false,
          error: OverlayError.from(thrown, 'DRIVER_REFUSED', describe(operation)),
        })
      }
    }
    this.#known = JSON.stringify(await this.#read(signal).catch(() => []))
    return operations.map((operation) => results.get(operation) ?? unanswered(operation))
  }

  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent, void, undefined> {
    const listening = this.#listen(signal)
    using _losses = this.#options.userspace ? undefined : new StateMonitor(() => this.#wake())
    try {
      for (let look = 1; await this.#pause(signal); look += 1) {
        const isDue = this.#isWoken || look % LOOKS_PER_READ === 0
        if (!isDue && !(await this.#isHung())) continue
        if (await this.#hasChanged(signal)) yield { type: 'changed' }
        await this.#redial(signal)
        await this.#process?.boundLog()
      }
    } finally {
      await listening
    }
  }

  /** charon goes on, with its sessions. */
  async [Symbol.asyncDispose](): Promise<void> {}

  /** Waits until something is due. False if the signal has aborted. */
  async #pause(signal: AbortSignal): Promise<boolean> {
    const { pollMs = 3000 } = this.#options
    const now = performance.now()
    const dues = [...this.#redials.dues, ...this.#lostStates.dues]
    const due = Math.min(now + pollMs / LOOKS_PER_READ, ...dues)
    const interrupt = new AbortController()
    this.#isWoken = false
    this.#wake = () => {
      this.#isWoken = true
      interrupt.abort()
    }
    const ending = AbortSignal.any([signal, interrupt.signal])
    await sleep(Math.max(due - now, MIN_PAUSE_MS), undefined, { signal: ending }).catch(() => undefined)
    this.#isWoken ||= dues.some((at) => at <= performance.now())
    return !signal.aborted
  }

  /** Whether another program has changed what this driver knew. */
  async #hasChanged(signal: AbortSignal): Promise<boolean> {
    const before = this.#known
    const found = JSON.stringify(await this.#read(signal).catch(() => undefined))
    // A write of our own in between has changed both. What cannot be read is read again.
    if (found === undefined || this.#known !== before || found === before) return false
    this.#known = found
    return true
  }

  /** Follows charon's log, and notices at once when charon ends. */
  async #listen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        using client = await this.#connect(signal)
        if (client !== undefined) {
          for await (const event of client.events(['log'], { signal })) {
            if (this.#problems.take(event) || saysThatSomethingEnded(event)) this.#wake()
          }
          this.#wake()
        }
      } catch {
        // What is wrong with charon is found by reading from it, and reported there.
      }
      await sleep(100, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Connections that neither charon nor the peer brings up, such as after a refusal, are tried again. */
  async #redial(signal: AbortSignal): Promise<void> {
    try {
      using client = await this.#connect(signal)
      if (client === undefined) {
        this.#redials.clear()
        this.#lostStates.take([], 0)
        return
      }
      const options = answerWithin(signal)
      const connections = this.#ours(await client.stream('list-conns', 'list-conn', {}, options))
      const sas = await client.stream('list-sas', 'list-sa', { noblock: 'yes' }, options)
      const connected = connectedNames(sas)
      const names = new Set(connections.map(({ name }) => name))
      if (!this.#options.userspace) {
        const incomplete = childrenWithoutStates(sas, names, await readStates({ signal }))
        for (const id of this.#lostStates.take(incomplete, performance.now())) {
          await client.command('rekey', { 'child-id': id }, options).catch(() => undefined)
        }
      }
      for (const connection of this.#redials.take(connections, connected, performance.now())) {
        const request = { ike: connection.name, child: childName(connection), timeout: '-1' }
        await client.command('initiate', request, options).catch(() => undefined)
      }
    } catch {
      signal.throwIfAborted()
    }
  }

  async #connect(signal: AbortSignal | undefined): Promise<ViciClient | undefined> {
    return ViciClient.open(this.#uri, answerWithin(signal))
  }

  /** What a charon of our own does not answer is not there: it is replaced then. */
  async #read(signal: AbortSignal | undefined): Promise<IkeResource[]> {
    if (await this.#isHung()) return []
    try {
      using client = await this.#connect(signal)
      const resources = client === undefined ? [] : await this.#readFrom(client, answerWithin(signal))
      this.#failingSince = undefined
      return resources
    } catch (error) {
      signal?.throwIfAborted()
      this.#failingSince ??= performance.now()
      if (await this.#isHung()) return []
      throw OverlayError.from(error, 'DRIVER_REFUSED', `reading charon's connections by ${this.#uri}`)
    }
  }

  async #isHung(): Promise<boolean> {
    if (this.#process === undefined) return false
    const now = performance.now()
    return now - (this.#failingSince ?? now) >= HUNG_AFTER_MS || (await this.#process.isStopped())
  }

  async #readFrom(client: ViciClient, options: ViciOptions): Promise<IkeResource[]> {
    const settings = await this.#process?.settings()
    const { keys } = await client.command('get-shared', {}, options)
    const connections = this.#ours(await client.stream('list-conns', 'list-conn', {}, options))
    return [
      ...(settings === undefined ? [] : [ikeDaemon(settings)]),
      ...(Array.isArray(keys) ? keys : []).flatMap((id) => this.#readSecret(id)),
      // One that is refused is put again, which says why.
      ...connections.filter(({ name }) => this.#problems.of(name) === undefined),
    ]
  }

  #ours(events: Parameters<typeof readConnections>[0]): IkeConnectionResource[] {
    const networks = this.#scope.networks.map(requireCidr)
    return readConnections(events).filter(({ localSubnet, remoteSubnet }) =>
      networks.some((one) =>
        [localSubnet, remoteSubnet].every((subnet) => contains(one, requireCidr(subnet))),
      ),
    )
  }

  #readSecret(id: string): IkeSecretResource[] {
    const [, network, owner] = /^selvedge (\S+) (\S+)$/.exec(id) ?? []
    if (network === undefined || owner === undefined || !this.#scope.networks.includes(network)) return []
    const current = this.#options.trustsSecrets === true || this.#loaded.has(id)
    return [ikeSecret({ network, owner, current })]
  }

  /** True if more may have changed than this resource. */
  async #carryOut(operation: Operation<IkeResource>, signal: AbortSignal | undefined): Promise<boolean> {
    const { type, resource } = operation
    if (resource.kind === 'ike-daemon') {
      if (type === 'put') await this.#start(resource, signal)
      else await this.#process?.end({ signal })
      return true
    }
    using client = await this.#connect(signal)
    if (client === undefined) {
      if (type === 'delete') return false
      throw new OverlayError('DRIVER_REFUSED', `${describe(operation)}: no charon listens at ${this.#uri}`, {
        errno: 'ECONNREFUSED',
      })
    }
    const options = answerWithin(signal)
    if (resource.kind === 'ike-secret') await this.#carryOutSecret(client, type, resource, options)
    else if (type === 'put') await this.#putConnection(client, resource, options)
    else await this.#deleteConnection(client, resource, options)
    return false
  }

  async #start(resource: IkeDaemonResource, signal: AbortSignal | undefined): Promise<void> {
    const { userspace, udpEncap, espProposal } = resource
    // One that does not answer does not end when it is asked to either.
    if (await this.#isHung()) await this.#process?.kill()
    this.#failingSince = undefined
    await this.#process?.end({ signal })
    if (!userspace) await deleteStates({ signal })
    this.#loaded.clear()
    await this.#process?.start({ userspace, udpEncap, espProposal }, { signal })
  }

  async #carryOutSecret(
    client: ViciClient,
    type: Operation['type'],
    { network, owner }: IkeSecretResource,
    options: ViciOptions,
  ): Promise<void> {
    const id = `selvedge ${network} ${owner}`
    if (type === 'put') {
      const { psk } = this.#options.settings
      await client.command('load-shared', { id, type: 'IKE', data: psk, owners: [owner] }, options)
      this.#loaded.add(id)
    } else {
      this.#loaded.delete(id)
      await client.command('unload-shared', { id }, options).catch(ignoreNotFound)
    }
  }

  async #putConnection(
    client: ViciClient,
    connection: IkeConnectionResource,
    options: ViciOptions,
  ): Promise<void> {
    const { name, remoteAddress } = connection
    const problem = this.#problems.of(name)
    if (problem !== undefined) {
      throw new OverlayError('DRIVER_REFUSED', `connecting to ${remoteAddress} by IKE: ${problem}`, {
        errno: 'EACCES',
      })
    }
    const { rekeySeconds = 3600, userspace, settings } = this.#options
    this.#redials.begin(connection, performance.now())
    this.#wake()
    await client.command('load-conn', loadConn(connection, { ...settings, userspace, rekeySeconds }), options)
  }

  async #deleteConnection(
    client: ViciClient,
    { name }: IkeConnectionResource,
    options: ViciOptions,
  ): Promise<void> {
    this.#problems.forget(name)
    this.#redials.forget(name)
    await client.command('unload-conn', { name }, options).catch(ignoreNotFound)
    // Without waiting for the peer, which may be gone.
    await client.command('terminate', { ike: name, timeout: '-1' }, options).catch(ignoreNotFound)
  }
}

const answerWithin = (signal: AbortSignal | undefined): ViciOptions => ({
  signal,
  timeoutMs: ANSWER_TIMEOUT_MS,
})

/** What is gone already is deleted. */
function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Error && /not found|no matching|unknown/i.test(error.message))) throw error
}

/** Puts of charon, of secrets, of connections, then deletes of connections, of secrets, of charon. */
const RANKS = { 'ike-daemon': 0, 'ike-secret': 1, 'ike-connection': 2 } as const
const turnOf = ({ type, resource }: Operation<IkeResource>): number =>
  type === 'put' ? RANKS[resource.kind] : 5 - RANKS[resource.kind]

const describe = ({ type, resource }: Operation<IkeResource>): string =>
  `${type === 'put' ? 'setting' : 'deleting'} ${resource.key}`

const unanswered = (operation: Operation<IkeResource>): OperationResult => ({
  ok: false,
  error: new OverlayError('INTERNAL', `${describe(operation)}: it was not attempted`),
})
