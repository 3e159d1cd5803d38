import type { StatusPage } from '@selvedge/agent'
import type { StoreSettings } from '@selvedge/agent/flags'
import { leaseKey } from '@selvedge/core'
import { hostAddress } from '@selvedge/core/kit'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { gatheredOnce } from '../gathered-once.js'
import { leaseJson } from '../leases/describe.js'
import { endOf } from '../leases/lease-end.js'
import { count } from '../output/count.js'
import { duration } from '../output/duration.js'
import { programText } from '../output/program-text.js'
import { openOperatorStore } from '../store/open.js'
import { askAgent } from './agent-client.js'
import { byTrouble, PEER_HEAD, peerRows, troubleOf } from './peers.js'

export interface StatusOptions {
  readonly socket: string
  readonly all: boolean
  /** How often to draw again, in seconds; undefined for once. */
  readonly watch: number | undefined
}

/** Of a few peers all are shown, of many those in trouble. */
const FEW_PEERS = 20
const MAX_TROUBLED = 40
const MAX_LINES = 5

const CLEAR = '\u001b[H\u001b[2J'

export async function statusCommand(
  context: Context,
  settings: () => StoreSettings,
  options: StatusOptions,
): Promise<void> {
  const { io, page } = context
  for (;;) {
    const found = await gatheredOnce(io, 'status', () => askAgent(options.socket, io.signal))
    if (options.watch !== undefined && page.isTerminal && !page.json) io.stdout(CLEAR)
    if (found === undefined) await withoutAgent(context, settings, options)
    else if (page.json) page.document({ agent: found })
    else show(context, found, options)
    if (options.watch === undefined) return
    try {
      await io.clock.sleep(options.watch * 1000, { signal: io.signal })
    } catch {
      throw new Ended(EXIT.done)
    }
  }
}

function show({ io, page }: Context, status: StatusPage, { all }: StatusOptions): void {
  const now = io.clock.now()
  const { node, store, config, kernel, drift, peers, peerCount } = status
  page.fields([
    ['Agent', `selvedged ${status.version}, ${status.ready ? 'ready' : `not ready: ${status.waitingFor}`}`],
    ['Lease', node === undefined ? 'none yet' : leaseText(node, now)],
    [
      'Node',
      node &&
        `${[node.lease.publicIp, node.lease.publicIpv6].filter((each) => each !== undefined).join(' and ')} on ${node.externalInterface.name}` +
          `${node.externalInterface.reason === undefined ? '' : ` (${whyInterface(node.externalInterface)})`}, ${node.backend}, MTU ${node.mtu}`,
    ],
    ['Store', storeText(store)],
    ['Config', config && configText(config)],
    [
      'Kernel',
      `${kernel.inSync ? 'in sync' : 'not in sync'}: ${kernel.actual} of ${kernel.desired} entries` +
        `${kernel.failed === 0 ? '' : `, ${kernel.failed} cannot be written`}`,
    ],
    [
      'Drift',
      drift.total === 0
        ? 'none'
        : `${count(drift.total, 'entry', 'entries')} changed by others since the agent started`,
    ],
  ])
  for (const { key, message } of kernel.failures.slice(0, MAX_LINES)) {
    page.text(`  ${key}: ${message}`, { style: 'red', indent: 4 })
  }
  for (const { key, was, at, by } of drift.last.slice(0, MAX_LINES)) {
    page.text(
      `  ${duration(now - at)} ago: ${key} ${was}${by === undefined ? '' : `, by ${programText(by)}`}`,
      { style: 'yellow', indent: 4 },
    )
  }
  const sorted = byTrouble(peers, now)
  const troubled = sorted.filter((peer) => troubleOf(peer, now) !== undefined)
  const shown = all || sorted.length <= FEW_PEERS ? sorted : troubled.slice(0, MAX_TROUBLED)
  const mtus = { tunnel: node?.mtu, direct: node?.externalInterface.mtu }
  if (shown.length > 0) {
    page.text('')
    page.table(
      PEER_HEAD,
      shown.flatMap((peer) => peerRows(peer, now, mtus)),
    )
  }
  const hidden = peerCount - shown.length
  page.text(
    `${count(peerCount, 'peer')}, ${troubled.length} in trouble, ${peers.filter(({ path }) => path === 'direct').length} direct, ` +
      `${peers.filter(({ path }) => path === 'tunnel').length} tunnelled` +
      `${hidden === 0 ? '' : `; ${hidden} are not shown: --all`}`,
    { style: 'dim' },
  )
}

function leaseText({ lease }: NonNullable<StatusPage['node']>, now: number): string {
  const subnets = [lease.subnet, lease.ipv6Subnet].filter((each) => each !== undefined).join(' and ')
  const { expiresAt } = lease
  return `${subnets}, ${expiresAt === undefined ? 'without an end' : `ends in ${duration(expiresAt - now)} unless renewed`}`
}

function storeText({ name, connected, staleMs, fromCache, error }: StatusPage['store']): string {
  if (connected && !fromCache) return `${name}, up to date`
  const age = fromCache
    ? `leases from the cache, ${duration(staleMs)} old`
    : `not heard for ${duration(staleMs)}`
  return `${name}: ${age}${error === undefined ? '' : `; ${error}`}`
}

/** A name is one that the agent was given. */
const whyInterface = ({ name, reason }: NonNullable<StatusPage['node']>['externalInterface']): string =>
  reason === `its name is ${name}` ? 'named by --iface' : (reason ?? '')

/** An agent reads the store's again about once a minute. An agent of an earlier version does not say when. */
const MAX_CONFIG_AGE_MS = 3 * 60_000

export function configText({ differences, problem, staleMs = 0 }: NonNullable<StatusPage['config']>): string {
  if (problem !== undefined) return `the store's is not valid: ${problem}; the one in force stays`
  const age = staleMs > MAX_CONFIG_AGE_MS ? ` (the store last said so ${duration(staleMs)} ago)` : ''
  return differences.length === 0
    ? `in force as stored${age}`
    : `the store's differs from the one in force: ${differences.join('; ')}; a restart of the agent applies it${age}`
}

/** What the store alone says of this host. */
async function withoutAgent(
  { io, page }: Context,
  settings: () => StoreSettings,
  { socket }: StatusOptions,
): Promise<void> {
  await using store = await openOperatorStore(settings(), {
    signal: io.signal,
    onWarning: (text) => io.stderr(`selvedge: ${text}\n`),
  })
  const { leases, reserved } = await store.list()
  const addresses = new Set(io.addresses().map((text) => hostAddress(text) ?? text))
  const own = leases.filter(({ attributes: { publicIp, publicIpv6 } }) =>
    [publicIp, publicIpv6].some((address) => address !== undefined && addresses.has(address)),
  )
  const now = io.clock.now()
  if (page.json) {
    page.document({
      agent: null,
      socket,
      store: store.place,
      leases: leases.length,
      own: own.map((lease) =>
        leaseJson(lease, { isReserved: reserved.has(leaseKey(lease)), now, redact: () => undefined }),
      ),
    })
  } else {
    page.fields([
      ['Agent', `none answers at ${socket}: what follows is what the store says`],
      [
        'Lease',
        own.length === 0
          ? 'none bears an address of this host'
          : own
              .map((lease) => `${leaseKey(lease)} (${endOf(lease, reserved.has(leaseKey(lease)), now)})`)
              .join(', '),
      ],
      ['Store', `${store.place}: ${leases.length} leases`],
    ])
  }
  throw new Ended(EXIT.unavailable)
}
