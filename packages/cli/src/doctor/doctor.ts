import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { count } from '../output/count.js'
import { CHECKS, diagnose } from './checks/index.js'
import { mtuOf } from './checks/known.js'
import { type GatherOptions, gather } from './facts/gather.js'
import type { PathFacts } from './facts/paths.js'
import { CATEGORIES, categoryOf, type Finding } from './finding.js'
import { PEER_HEAD, peerTable } from './peer-table.js'

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
  let { findings, paths, mtu } = await look()
  while (hasFatal(findings) && waitSeconds !== undefined && io.clock.monotonic() < end) {
    await io.clock.sleep(PAUSE_MS, { signal: io.signal })
    ;({ findings, paths, mtu } = await look())
  }
  const checks = CHECKS.filter(({ pre }) => !options.pre || pre === true)
  if (page.json)
    page.document({
      checks: checks.length,
      findings: findings.map((each) => ({ ...each, anchor: anchorOf(each.id) })),
      peers: { tried: paths.tried.length, of: paths.peers, paths: paths.tried },
    })
  else show()
  if (findings.length > 0) throw new Ended(hasFatal(findings) ? EXIT.failed : EXIT.differs)

  async function look(): Promise<Look> {
    const facts = await gather({ io, ...options })
    return { findings: diagnose(facts, { pre: options.pre }), paths: facts.paths, mtu: mtuOf(facts) }
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
        page.text(`  ${anchorOf(id)}`, { style: 'dim' })
      }
    }
    if (paths.tried.length > 0) {
      const { rows, more } = peerTable(paths.tried, mtu)
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
  readonly paths: PathFacts
  /** Of pods, in bytes. */
  readonly mtu: number | undefined
}

/** Where the documents say more of it. */
const anchorOf = (id: string): string => `docs/doctor.md#${id}`

const hasFatal = (findings: readonly Finding[]): boolean =>
  findings.some(({ severity }) => severity === 'fatal')
