import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { CHECKS, diagnose } from './checks/index.js'
import { type GatherOptions, gather } from './facts/gather.js'
import type { PathFacts } from './facts/paths.js'
import { CATEGORIES, categoryOf, type Finding } from './finding.js'

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
  let { findings, paths } = await look()
  while (hasFatal(findings) && waitSeconds !== undefined && io.clock.monotonic() < end) {
    await io.clock.sleep(PAUSE_MS, { signal: io.signal })
    ;({ findings, paths } = await look())
  }
  const checks = CHECKS.filter(({ pre }) => !options.pre || pre === true).length
  if (page.json) page.document({ checks, findings, peers: { tried: paths.tried.length, of: paths.peers } })
  else show(findings)
  if (findings.length > 0) throw new Ended(hasFatal(findings) ? EXIT.failed : EXIT.differs)

  async function look(): Promise<{ findings: readonly Finding[]; paths: PathFacts }> {
    const facts = await gather({ io, ...options })
    return { findings: diagnose(facts, { pre: options.pre }), paths: facts.paths }
  }

  function show(all: readonly Finding[]): void {
    for (const category of CATEGORIES) {
      for (const { id, severity, what, remedy } of all.filter((each) => categoryOf(each.id) === category)) {
        const style = severity === 'fatal' ? 'red' : 'yellow'
        page.text(`${severity === 'fatal' ? '✗' : '!'} ${id}`, { style })
        page.text(`  ${what}`, { indent: 2 })
        page.text(`  → ${remedy}`, { indent: 4, style: 'bold' })
      }
    }
    const fatal = all.filter(({ severity }) => severity === 'fatal').length
    const tried = paths.peers === 0 ? '' : `, ${paths.tried.length} of ${paths.peers} peers tried`
    page.text(
      all.length === 0
        ? `${checks} checks${tried}: nothing found`
        : `${checks} checks${tried}: ${fatal} fatal, ${all.length - fatal} ${all.length - fatal === 1 ? 'warning' : 'warnings'}; docs/doctor.md says more of each`,
      { style: 'dim' },
    )
  }
}

const hasFatal = (findings: readonly Finding[]): boolean =>
  findings.some(({ severity }) => severity === 'fatal')
