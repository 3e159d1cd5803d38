import { type AgentSettings, UsageError } from '@selvedge/agent/flags'
import { canonicalAddress, familyOf, parseAddress, printable, quote } from '@selvedge/core/kit'
import { inspectLinux, type LinuxInspector, type PacketOrigin } from '@selvedge/dataplane-linux'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { type Desired, findDesired } from '../inspect/desired.js'
import { askPath } from './ask.js'
import type { TraceFacts } from './facts.js'
import type { Hop } from './hop.js'
import { differs, type Trace, traceOf } from './hops.js'
import { type Probe, probe } from './probe.js'
import { ruleHops } from './rules.js'
import { type Owner, ownerOf } from './wanted.js'

export interface TraceCommand {
  /** One address: where packets of this host go; two: from the first to the second. */
  readonly addresses: readonly string[]
  readonly socket: string
  readonly probes: boolean
}

/** Where the packet is from, and what is known of that. */
interface Origin extends PacketOrigin {
  /** Whether the host itself has the address, so that it can send from it. */
  readonly isLocal: boolean
}

export async function traceCommand(
  { io, page }: Context,
  settings: AgentSettings,
  { addresses, socket, probes }: TraceCommand,
): Promise<void> {
  const [first = '', second] = addresses.map(requireAddress)
  const [source, destination] = second === undefined ? [undefined, first] : [first, second]
  if (source !== undefined && familyOf(source) !== familyOf(destination)) {
    throw new UsageError(`${source} and ${destination} are not of one family`)
  }
  const desired = await findDesired(io, settings, socket)
  await using kernel = inspectLinux()
  const origin = await originOf(kernel, source, io.signal)
  const asked = await askPath(kernel, destination, origin, { signal: io.signal, desired: desired.page })
  const facts: TraceFacts = { source, destination, asked, desired: desired.page, now: io.clock.now() }
  const way = traceOf(facts)
  const rules = ruleHops(desired.page?.entries ?? [], source, destination)
  const trace: Trace = { ...way, hops: [...way.hops, ...rules] }
  const probed = probes ? await probe(destination, origin.isLocal ? source : undefined, io.signal) : undefined
  if (page.json) {
    page.document({
      format: 1,
      source,
      destination,
      from: desired.source,
      why: desired.why,
      ...trace,
      probe: probed,
    })
  } else {
    show({ io, page }, { facts, trace, desired, origin, probed })
  }
  if (differs(trace)) throw new Ended(EXIT.differs)
  if (probed !== undefined && probed.received === 0) throw new Ended(EXIT.failed)
}

function requireAddress(text: string): string {
  if (parseAddress(text) !== undefined) return canonicalAddress(text)
  throw new UsageError(`${quote(text)} is not an IP address: name that of a pod or of a peer`)
}

/** A packet from another address comes in by the link that leads there. */
async function originOf(
  kernel: LinuxInspector,
  source: string | undefined,
  signal: AbortSignal,
): Promise<Origin> {
  if (source === undefined) return { isLocal: true }
  const route = await kernel.route(source, {}, { signal })
  if (route.type === 'local') return { source, isLocal: true }
  if (route.type === 'unicast' && route.device !== undefined) {
    return { source, input: route.device, isLocal: false }
  }
  return { isLocal: false }
}

const OWNERS: Readonly<Record<Owner, string>> = {
  'own pod': "in this node's subnet",
  'own host': 'this node',
  pod: 'in the subnet of a peer',
  host: 'a peer itself',
  'no lease': "in the overlay's network, and in no lease",
  outside: "outside of the overlay's networks",
  unknown: 'not known: nobody says what the leases are',
}

function show(
  { page }: Pick<Context, 'io' | 'page'>,
  {
    facts,
    trace,
    desired,
    origin,
    probed,
  }: {
    readonly facts: TraceFacts
    readonly trace: Trace
    readonly desired: Desired
    readonly origin: Origin
    readonly probed: Probe | undefined
  },
): void {
  const { source, destination } = facts
  const { owner, lease } = trace
  const from = source === undefined ? undefined : ownerOf(source, facts.desired)
  page.fields([
    [
      'From',
      source === undefined
        ? 'this host'
        : `${source}, ${OWNERS[from?.owner ?? 'unknown']}${inputText(origin)}`,
    ],
    ['To', `${destination}, ${OWNERS[owner]}`],
    [
      'Lease',
      lease &&
        printable(`${lease.key}, ${lease.publicIp ?? lease.publicIpv6 ?? '-'}, ${lease.backendType ?? '-'}`),
    ],
    ['Desired', desired.source === 'none' ? desired.why : undefined],
  ])
  if (from?.owner === 'pod' || from?.owner === 'host') {
    const where = from.lease?.publicIp ?? from.lease?.publicIpv6
    page.text(`? this is what its packets meet here; what they meet before, ${where} knows: trace it there`, {
      indent: 2,
      style: 'yellow',
    })
  }
  page.text('')
  for (const hop of trace.hops) showHop(page, hop)
  if (probed !== undefined)
    page.text(`${'probe'.padEnd(WIDTH)}${probeText(probed)}`, { style: probeStyle(probed) })
  if (probed !== undefined && source !== undefined && !origin.isLocal) {
    page.text(`${' '.repeat(WIDTH)}sent by this host, which cannot send from ${source}`, { style: 'dim' })
  }
}

/** Of the names of hops, and the space after them. */
const WIDTH = 20

function showHop(page: Context['page'], { step, kernel, leases, verdict }: Hop): void {
  const style = verdict === 'differs' ? 'red' : undefined
  const text = `${step.padEnd(WIDTH)}${kernel}`
  page.text(text, { indent: WIDTH, ...(style === undefined ? {} : { style }) })
  if (verdict === 'same') page.text(`${' '.repeat(WIDTH)}as the leases require`, { style: 'dim' })
  if (verdict === 'differs') {
    page.text(`${'  differs:'.padEnd(WIDTH)}the leases require: ${leases ?? '-'}`, {
      indent: WIDTH,
      style: 'red',
    })
  }
}

const inputText = ({ input }: Origin): string => (input === undefined ? '' : `, coming in by ${input}`)

const probeText = ({ sent, received, averageMs, problem }: Probe): string =>
  problem === undefined
    ? `${received} of ${sent} echoes answered${averageMs === undefined ? '' : `, ${averageMs} ms on average`}`
    : `not sent: ${printable(problem)}`

const probeStyle = ({ received }: Probe): 'green' | 'red' => (received > 0 ? 'green' : 'red')
