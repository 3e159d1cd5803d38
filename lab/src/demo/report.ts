import type { MatrixEntry } from '../ping.js'
import type { Arrival } from './arrival.js'
import { type DemoResult, type HostView, type JoinedHost, type Repair, totalPings } from './result.js'
import { table } from './table.js'

/** Takes what the demo finds, as it finds it. */
export interface Report {
  /** What is about to be shown, or to happen. */
  heading(text: string): void
  /** A remark between two findings. */
  note(text: string): void
  hosts(hosts: readonly JoinedHost[]): void
  view(view: HostView): void
  reachability(when: string, entries: readonly MatrixEntry[]): void
  arrivals(arrivals: readonly Arrival[]): void
  repair(repair: Repair): void
  end(): void
}

type Write = (text: string) => void

/** For programs: one JSON document, at the end. */
export class JsonReport implements Report {
  readonly result: DemoResult
  readonly #write: Write

  constructor(write: Write, kind: Pick<DemoResult, 'backend' | 'kernel'>) {
    this.#write = write
    this.result = { ...kind, hosts: [], views: [], reachability: [], arrivals: [], repairs: [] }
  }

  heading(): void {}
  note(): void {}

  hosts(hosts: readonly JoinedHost[]): void {
    this.result.hosts.push(...hosts)
  }

  view(view: HostView): void {
    this.result.views.push(view)
  }

  reachability(when: string, entries: readonly MatrixEntry[]): void {
    this.result.reachability.push({ when, entries })
  }

  arrivals(arrivals: readonly Arrival[]): void {
    this.result.arrivals.push(...arrivals)
  }

  repair(repair: Repair): void {
    this.result.repairs.push(repair)
  }

  end(): void {
    const { sent, lost } = totalPings(this.result)
    this.#write(`${JSON.stringify({ ...this.result, sent, lost }, null, 2)}\n`)
  }
}

/** For reading in a terminal. */
export class TextReport implements Report {
  readonly #write: Write
  readonly #bold: (text: string) => string
  readonly #seen: DemoResult['reachability'] = []

  /** @param bold how to print a heading; as it is by default */
  constructor(write: Write, bold: (text: string) => string = (text) => text) {
    this.#write = write
    this.#bold = bold
  }

  heading(text: string): void {
    this.#write(`\n${this.#bold(text)}\n`)
  }

  note(text: string): void {
    this.#lines([text])
  }

  hosts(hosts: readonly JoinedHost[]): void {
    const rows = hosts.map(({ name, lease, mtu, joinedAfter }) => [
      name,
      lease.attributes.publicIp ?? lease.attributes.publicIpv6 ?? '',
      [lease.subnet, lease.ipv6Subnet].filter(Boolean).join(' '),
      `${mtu}`,
      JSON.stringify(lease.attributes.backendData ?? null),
      `${joinedAfter.toFixed(0)} ms`,
    ])
    this.#lines(table([['host', 'public IP', 'subnet', 'MTU', 'backend data', 'ready after'], ...rows]))
  }

  view({ host, outputs }: HostView): void {
    this.#write('\n')
    for (const { command, output } of outputs) {
      this.#lines([`${host}# ${command}`])
      // `ip` ends some of its lines with a blank.
      const lines = output.trimEnd().split('\n')
      this.#lines(
        lines.map((line) => line.trimEnd()),
        4,
      )
    }
  }

  reachability(when: string, entries: readonly MatrixEntry[]): void {
    this.#seen.push({ when, entries })
    const targets = [...new Set(entries.map(({ to }) => to))].sort(byName)
    const sources = [...new Set(entries.map(({ from }) => from))]
    const rows = sources.map((source) => [
      source,
      ...targets.map((target) => {
        const entry = entries.find(({ from, to }) => from === source && to === target)
        return entry === undefined ? '-' : `${((100 * entry.lost) / entry.sent).toFixed(0)}%`
      }),
    ])
    this.#lines(table([['loss', ...targets], ...rows]))
    const { sent, lost } = totalPings({ reachability: [{ when, entries }] })
    this.#lines([`${sent} echo requests, ${lost} lost`])
  }

  arrivals(arrivals: readonly Arrival[]): void {
    const rows = arrivals.map(({ from, to, source, owner }) => [
      from,
      to,
      source,
      owner === from ? 'its own' : `that of ${owner}: masqueraded`,
    ])
    this.#lines(table([['from', 'to', 'source address', ''], ...rows]))
  }

  repair({ host, command, healedAfter, events }: Repair): void {
    this.#lines([`${host}# ${command}`])
    const rows = events.map(({ time, text }) => [`+${time.toFixed(1)} ms`.padStart(10), oneLine(text)])
    this.#lines(table(rows), 4)
    this.#lines([`healed in ${healedAfter.toFixed(1)} ms`], 4)
  }

  end(): void {
    const { sent, lost } = totalPings({ reachability: this.#seen })
    if (sent > 0)
      this.#write(lost === 0 ? '\nNothing was lost.\n' : `\n${lost} of ${sent} packets were lost.\n`)
  }

  #lines(lines: readonly string[], indent = 2): void {
    for (const line of lines) this.#write(`${' '.repeat(indent)}${line}\n`)
  }
}

/** So that h2 comes before h10. */
const byName = new Intl.Collator('en', { numeric: true }).compare

/** Without the backslashes that `ip -oneline` prints instead of line ends. */
function oneLine(text: string): string {
  return text.replaceAll(/\s*\\\s*/g, ' ').trim()
}
