/** `selvedge doctor` on a host of a vxlan network: each fault of the tables is injected, named, and gone once mended. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Bench } from './bench.js'
import { examine, report, type Score } from './examine.js'
import { AGENT } from './faults/agent.js'
import { IDENTITY } from './faults/identity.js'
import { KERNEL } from './faults/kernel.js'
import { LEASE } from './faults/lease.js'
import { ONE_WAY } from './faults/one-way.js'
import { PATH } from './faults/path.js'
import { PODS } from './faults/pods.js'
import { SERVICES } from './faults/services.js'
import { STORE } from './faults/store.js'

/** The doctor of a host on which nothing is wrong is asked so often. */
const HEALTHY_RUNS = Number(process.env.DOCTOR_RUNS ?? 3)

let bench: Bench
const scores: Score[] = []

beforeAll(async () => {
  bench = await Bench.create()
})

afterAll(async () => {
  console.log(report(scores))
  await bench[Symbol.asyncDispose]()
})

test(`nothing is found in ${HEALTHY_RUNS} runs while nothing is wrong`, async () => {
  for (let run = 0; run < HEALTHY_RUNS; run += 1) {
    expect(await bench.doctor()).toMatchObject({ findings: [], status: 0, stderr: '' })
  }
}, 600_000)

test.each([...STORE, ...LEASE, ...IDENTITY, ...KERNEL, ...PATH, ...ONE_WAY, ...PODS, ...SERVICES, ...AGENT])(
  '$name: $id',
  async (fault) => {
    scores.push(await examine(bench, fault))
  },
)
