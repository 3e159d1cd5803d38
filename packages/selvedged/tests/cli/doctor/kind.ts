import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Bench, type BenchOptions } from './bench.js'
import { examine, type Score } from './examine.js'
import type { Fault } from './fault.js'

/** The doctor of a host on which nothing is wrong is asked so often. */
const HEALTHY_RUNS = Number(process.env.DOCTOR_RUNS ?? 2)

/** Hosts of one backend, or of one store. */
export interface Kind {
  readonly name: string
  readonly config: object | undefined
  readonly options?: BenchOptions
  readonly faults: readonly Fault[]
}

let last: Promise<unknown> = Promise.resolve()

/** Hosts are set up one kind after the other: a dozen agents that start at once keep each other waiting. */
function inTurn<T>(body: () => Promise<T>): Promise<T> {
  const turn = last.then(body)
  last = turn.catch(() => {})
  return turn
}

/**
 * Nothing is found on a host of the kind that is well, and each fault is named and mended. Kinds of one file are examined at
 * the same time, since each mostly waits; the faults of one kind have one host, and take turns.
 */
export function describeKind({ name, config, options, faults }: Kind, scores: Score[]): void {
  describe.concurrent(name, () => {
    let bench: Bench
    beforeAll(async () => {
      bench = await inTurn(() => Bench.create(config, options))
    }, 300_000)
    afterAll(() => bench?.[Symbol.asyncDispose]())

    test.sequential(`nothing is found in ${HEALTHY_RUNS} runs while nothing is wrong`, async () => {
      for (let run = 0; run < HEALTHY_RUNS; run += 1) {
        expect(await bench.doctor(), `run ${run}`).toMatchObject({ findings: [], status: 0, stderr: '' })
      }
    }, 600_000)

    test.sequential.each(faults)(
      '$name: $id',
      async (fault) => {
        scores.push(await examine(bench, fault))
      },
      120_000,
    )
  })
}
