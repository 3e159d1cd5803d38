import { until } from '@selvedge/lab'
import { expect } from 'vitest'
import type { Fault } from './fault.js'
import type { Visit, Ward } from './ward.js'

export interface Score {
  readonly id: string
  /** Of the run that named it. */
  readonly tookMs: number
}

/**
 * Bounds for a busy machine: one look of the doctor may take most of them. An agent gives up a charon that does not end after
 * 10 s, and another that does not start after 10 more; then it says so.
 */
const FOUND_WITHIN_MS = 40_000
/** By then an agent has mended what it mends by itself. */
const QUIET_WITHIN_MS = 25_000

/** Injects a fault, and asserts that it is named, that its remedy mends it, and that nothing is found afterwards. */
export async function examine<W extends Ward>(ward: W, fault: Fault<W>): Promise<Score> {
  try {
    return await inject(ward, fault)
  } catch (error) {
    // The next one begins on a host on which nothing is wrong.
    await fault.mend?.(ward, '').catch(() => {})
    await fault.after?.(ward).catch(() => {})
    throw error
  }
}

async function inject<W extends Ward>(ward: W, fault: Fault<W>): Promise<Score> {
  const { id, says, lasts = false } = fault
  const args = placed(ward, fault.args)
  await fault.inject(ward)
  let last: Visit | undefined
  const found = await until(
    `the doctor to find ${id}`,
    async () => {
      last = await ward.doctor(args, fault.wrapper)
      return last.findings.find((each) => each.id === id && says.test(each.what))
    },
    { timeoutMs: FOUND_WITHIN_MS },
  ).catch((error) => {
    throw new Error(`${error.message}; it found ${JSON.stringify(last?.findings, null, 1)}`)
  })
  const isFatal = last?.findings.some(({ severity }) => severity === 'fatal')
  expect(last?.status).toBe(isFatal ? 1 : 2)
  if (fault.mend !== undefined) await fault.mend(ward, found.remedy)
  else if (!lasts) await ward.sh(found.remedy)
  const argsAfter = placed(ward, fault.argsAfter ?? fault.args)
  if (fault.after !== undefined) {
    // The remedy alone has to do; what else was changed is taken back then.
    if (!lasts)
      await until(`${id} to be found no more`, async () => !(await finds(ward, id, argsAfter)) || undefined)
    await fault.after(ward)
  }
  if (!lasts) await untilWell(ward, argsAfter)
  return { id, tookMs: last?.tookMs ?? 0 }
}

const finds = async (ward: Ward, id: string, args: readonly string[]): Promise<boolean> =>
  (await ward.doctor(args)).findings.some((finding) => finding.id === id)

/** The doctor finds nothing, but what other faults have changed lately. */
export async function untilWell(ward: Ward, args: readonly string[] = []): Promise<void> {
  let last: Visit['findings'] = []
  await until(
    'the doctor to find nothing',
    async () => {
      last = (await ward.doctor(args)).findings.filter(({ id }) => id !== 'agent.drift')
      return last.length === 0 || undefined
    },
    { timeoutMs: QUIET_WITHIN_MS },
  ).catch((error) => {
    throw new Error(`${error.message}: ${JSON.stringify(last, null, 1)}`)
  })
}

const placed = (ward: Ward, args: readonly string[] = []): readonly string[] =>
  args.map((arg) => arg.replace('@', ward.folder))

export function report(scores: readonly Score[]): string {
  const slowest = [...scores].sort((a, b) => b.tookMs - a.tookMs).slice(0, 3)
  const times = slowest.map(({ id, tookMs }) => `${id} ${Math.round(tookMs)} ms`)
  return `${scores.length} faults named and mended; the slowest runs: ${times.join(', ')}`
}
