import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { gatheredOnce } from '../gathered-once.js'
import { count } from '../output/count.js'
import { documentUrl } from '../output/document-url.js'
import { CHECKS, diagnose } from './checks/index.js'
import { mtuOf } from './checks/known.js'
import { leaseText, leaseTimes } from './checks/lease.js'
import type { Facts } from './facts/facts.js'
import { type GatherOptions, gather } from './facts/gather.js'
import { CATEGORIES, categoryOf, type Finding } from './finding.js'
import { PEER_HEAD, peerTable } from './peer-table.js'
import { noticingStalls } from './stalls.js'

export interface DoctorOptions extends Omit<GatherOptions, 'io'> {
  /** For how long to ask again while something is fatal, in seconds; undefined: once. */
  readonly waitSeconds: number | undefined
}

/** Between two looks of --wait. */
const PAUSE_MS = 1_000

export async function doctorCommand(
  { io, page }: Context,
  { waitSeconds, ...options }: DoctorOptions,
): Promise<void> {
  const end = io.clock.monotonic() + (waitSeconds ?? 0) * 1000
  let { findings, facts } = await gatheredOnce(io, 'doctor', look)
  while (hasFatal(findings) && waitSeconds !== undefined && io.clock.monotonic() < end) {
    await io.clock.sleep(PAUSE_MS, { signal: io.signal })
    ;({ findings, facts } = await look())
  }
  const checks = CHECKS.filter(({ pre }) => !options.pre || pre === true)
  if (page.json)
    page.document({
      checks: checks.length,
      findings: findings.map((each) => ({ ...each, anchor: anchorOf(each.id, io) })),
      lease: leaseTimes(facts),
      peers: { tried: facts.paths.tried.length, of: facts.paths.peers, paths: facts.paths.tried },
    })
  else show()
  if (findings.length > 0) throw new Ended(hasFatal(findings) ? EXIT.failed : EXIT.differs)

  /** While a machine stalls, what is late is not away: what is found then is looked for again. */
  async function look(): Promise<Look> {
    const { value, wasStalled } = await noticingStalls(lookOnce)
    return wasStalled && value.findings.length > 0 ? lookOnce() : value
  }

  async function lookOnce(): Promise<Look> {
    const found = await gather({ io, ...options })
    return { findings: diagnose(found, { pre: options.pre }), facts: found }
  }

  function show(): void {
    for (const category of CATEGORIES) {
      for (const { id, severity, what, remedy } of findings.filter(
        (each) => categoryOf(each.id) === category,
      )) {
        const style = severity === 'fatal' ? 'red' : 'yellow'
        page.text(`${severity === 'fatal' ? '✗' : '!'} ${id}`, { style })
        page.text(`  ${what}`, { indent: 2 })
        page.text(`  → ${remedy}`, { indent: 4, style: 'bold' })
        page.text(`  ${anchorOf(id, io)}`, { style: 'dim' })
      }
    }
    const { paths } = facts
    const times = leaseTimes(facts)
    if (times !== undefined) page.text(leaseText(facts, times), { indent: 2 })
    if (paths.tried.length > 0) {
      const { rows, more } = peerTable(paths.tried, mtuOf(facts))
      page.table(PEER_HEAD, rows)
      if (more > 0) page.text(`and ${count(more, 'peer')} more`, { style: 'dim' })
    }
    const counts = CATEGORIES.flatMap((category) => {
      const done = checks.filter(({ id }) => categoryOf(id) === category).length
      const found = findings.filter(({ id }) => categoryOf(id) === category).length
      return done === 0 ? [] : [`${category} ${done}${found === 0 ? '' : ` (${found} found)`}`]
    })
    const tried = paths.peers === 0 ? '' : `; ${paths.tried.length} of ${paths.peers} peers tried`
    page.text(`checked: ${counts.join(', ')}${tried}`, { indent: 2, style: 'dim' })
    const fatal = findings.filter(({ severity }) => severity === 'fatal').length
    const warnings = findings.length - fatal
    page.text(findings.length === 0 ? 'nothing found' : `${fatal} fatal, ${count(warnings, 'warning')}`, {
      style: 'bold',
    })
  }
}

interface Look {
  readonly findings: readonly Finding[]
  readonly facts: Facts
}

/** Where the documents say more of it. */
const anchorOf = (id: string, { version }: Context['io']): string => documentUrl(`doctor.md#${id}`, version)

const hasFatal = (findings: readonly Finding[]): boolean =>
  findings.some(({ severity }) => severity === 'fatal')
