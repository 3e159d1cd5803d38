import { readFile } from 'node:fs/promises'
import type { RecordEntry, ResourcesPage } from '@selvedge/agent'
import type { AgentSettings } from '@selvedge/agent/flags'
import { parseSubnetEnv } from '@selvedge/core'
import { inspectLinux, type ViewedEntry } from '@selvedge/dataplane-linux'
import type { CliIo } from '../io.js'
import { openOperatorStore, placeOf } from '../store/open.js'
import { withTimeLimit } from '../tools/time-limit.js'
import type { RuleChain } from './chains.js'
import { compareLeases, compareSubnetEnv, type StoredLease, type SubnetFileMark } from './compare.js'
import { type Desired, findDesired } from './desired.js'
import { type TopologyHost, topologyOf } from './graph/topology.js'
import { type MarkedEntry, markEntries } from './marks.js'
import { readChains } from './read-chains.js'

/** Everything that the page shows. */
export interface Inspected {
  readonly source: Desired['source']
  /** Why not, if none. */
  readonly why?: string | undefined
  /** What is desired; undefined if it is not known. */
  readonly page?: Omit<ResourcesPage, 'entries'> | undefined
  readonly entries: readonly MarkedEntry[]
  /** This node and its peers, and how those are reached; empty if what is desired is not known. */
  readonly topology: readonly TopologyHost[]
  /** All chains of iptables and nftables. */
  readonly chains: readonly RuleChain[]
  readonly subnetFile: SubnetFileMark
  /** Undefined if this kernel tracks no connections. */
  readonly conntrack?: { readonly count: number; readonly max: number } | undefined
  readonly store: {
    readonly place: string
    readonly leases: readonly StoredLease[]
    /** What it holds of this node beside the leases: on Kubernetes, the annotations of its Node. */
    readonly record: readonly RecordEntry[]
    /** Why it could not be asked: the leases are those that the agent knows. */
    readonly problem?: string | undefined
  }
}

export interface InspectOptions {
  readonly socket: string
}

/** A store that does not answer does not hold the page back for longer. */
const STORE_TIMEOUT_MS = 3_000

/** Looks at everything, and changes nothing. */
export async function gather(
  io: CliIo,
  settings: AgentSettings,
  { socket }: InspectOptions,
): Promise<Inspected> {
  const chainsRead = readChains(io.signal)
  const { source, page, why } = await findDesired(io, settings, socket)
  const [chains, store, conntrack, text] = await Promise.all([
    chainsRead,
    readStore(io, settings, page),
    readConntrack(),
    readText(page?.subnetFile.path ?? settings.subnetFile),
  ])
  const networks = page?.networks ?? networksOf(text)
  const view = await readView(page, networks, io.signal)
  const entries =
    page === undefined
      ? markEntries({ entries: [], leases: [], own: '', networks }, view, chains).map((entry) => ({
          ...entry,
          mark: 'unknown' as const,
        }))
      : markEntries(page, view, chains)
  const { entries: _, ...rest } = page ?? { entries: [] }
  return {
    source,
    why,
    page: page === undefined ? undefined : (rest as Omit<ResourcesPage, 'entries'>),
    entries,
    topology: page === undefined ? [] : topologyOf(page),
    chains,
    subnetFile: compareSubnetEnv(page?.subnetFile.path ?? settings.subnetFile, text, page?.subnetFile.text),
    conntrack,
    store,
  }
}

async function readView(
  page: ResourcesPage | undefined,
  networks: readonly string[],
  signal: AbortSignal,
): Promise<readonly ViewedEntry[]> {
  const links = (page?.entries ?? []).flatMap(({ resource }) =>
    resource.kind === 'link' ? [String(Reflect.get(resource, 'name'))] : [],
  )
  await using inspector = inspectLinux()
  return await inspector.view({ networks, links }, { signal })
}

async function readStore(
  io: CliIo,
  settings: AgentSettings,
  page: ResourcesPage | undefined,
): Promise<Inspected['store']> {
  const place = placeOf(settings.store)
  const known = page?.leases ?? []
  const late = new Error(`it has not answered within ${STORE_TIMEOUT_MS / 1000} s`)
  try {
    return await withTimeLimit({ limitMs: STORE_TIMEOUT_MS, signal: io.signal, late }, async (signal) => {
      await using store = await openOperatorStore(settings.store, { signal, onWarning: () => {} })
      const [{ leases }, record] = await Promise.all([store.list(), store.record(page?.attributes)])
      return { place, leases: compareLeases(known, leases, page?.own), record }
    })
  } catch (error) {
    io.signal.throwIfAborted()
    const problem = error instanceof Error ? error.message : String(error)
    const leases = known.map((lease) => ({ ...lease, isOwn: lease.key === page?.own }))
    return { place, problem, leases, record: [] }
  }
}

async function readConntrack(): Promise<Inspected['conntrack']> {
  const read = async (name: string): Promise<number> =>
    Number(await readFile(`/proc/sys/net/netfilter/nf_conntrack_${name}`, 'utf8'))
  try {
    return { count: await read('count'), max: await read('max') }
  } catch {
    return undefined
  }
}

const readText = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined)

function networksOf(subnetEnv: string | undefined): readonly string[] {
  try {
    const { network, ipv6Network } = parseSubnetEnv(subnetEnv ?? '')
    return [network, ipv6Network].filter((each) => each !== undefined)
  } catch {
    return []
  }
}
