/** `selvedge doctor` on a host of a vxlan network: each fault of the tables is injected, named, and gone once mended. */
import { asShown, documentBlock } from '@selvedge/lab'
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

/** Where a line is wrapped depends on how long ago the lease was renewed. */
const unwrapped = (page: string): string => page.replaceAll(/(^(?:lease|checked).*)\n {2}/gm, '$1 ')

test('its page is as the document shows it', async () => {
  await bench.sh('iptables -P FORWARD DROP')
  const block = documentBlock('docs/doctor.md', '✗ firewall.forward-drop')
  const page = await bench.doctorPage()
  await bench.sh('iptables -P FORWARD ACCEPT')
  expect(asShown(unwrapped(block), unwrapped(page))).toBe(unwrapped(block))
})

test.each([...STORE, ...LEASE, ...IDENTITY, ...KERNEL, ...PATH, ...ONE_WAY, ...PODS, ...SERVICES, ...AGENT])(
  '$name: $id',
  async (fault) => {
    scores.push(await examine(bench, fault))
  },
  120_000,
)
