/** `selvedge doctor`: each fault of a table is injected, named, and gone once the remedy was taken. */
import { until } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Bench, type Finding } from './bench.js'
import { FAULTS } from './faults.js'

/** The doctor of a host on which nothing is wrong is asked so often. */
const HEALTHY_RUNS = Number(process.env.DOCTOR_RUNS ?? 5)

describe('on a host of a vxlan network', () => {
  let bench: Bench
  const times: { readonly name: string; readonly ms: number }[] = []

  beforeAll(async () => {
    bench = await Bench.create()
  }, 60_000)

  afterAll(async () => {
    const slowest = times.sort((a, b) => b.ms - a.ms).slice(0, 3)
    console.log(
      `${times.length} faults named; the slowest: ${slowest.map(({ name, ms }) => `${name} ${Math.round(ms)} ms`).join(', ')}`,
    )
    await bench[Symbol.asyncDispose]()
  })

  test(`nothing is found in ${HEALTHY_RUNS} runs while nothing is wrong`, async () => {
    for (let run = 0; run < HEALTHY_RUNS; run += 1) {
      expect(await bench.doctor()).toEqual({ findings: [], status: 0 })
    }
  }, 600_000)

  test.each(FAULTS)(
    '$name: $id',
    async ({ id, says, inject, mend, after, args = [], lasts = false }) => {
      const more = args.map((arg) => arg.replace('@', bench.folder))
      await inject(bench)
      const injectedAt = performance.now()
      let last: readonly Finding[] = []
      const found = await until(
        `the doctor to find ${id}`,
        async () => {
          const { findings, status } = await bench.doctor(...more)
          last = findings
          const finding = findings.find((each) => each.id === id && says.test(each.what))
          if (finding !== undefined)
            expect(status).toBe(findings.some(({ severity }) => severity === 'fatal') ? 1 : 2)
          return finding
        },
        { timeoutMs: 15_000 },
      ).catch((error) => {
        throw new Error(`${error.message}; it found ${JSON.stringify(last, null, 1)}`)
      })
      times.push({ name: id, ms: performance.now() - injectedAt })
      if (mend !== undefined) await mend(bench)
      else if (!lasts) await bench.sh(found.remedy)
      if (!lasts) await bench.untilWell(...more)
      await after?.(bench)
    },
    60_000,
  )
})
