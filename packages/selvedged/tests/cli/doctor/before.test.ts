/** `selvedge doctor --pre` on a host on which nothing runs yet: faults one by one. */
import { Lab } from '@selvedge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { examine, report, type Score } from './examine.js'
import { BEFORE } from './faults/before.js'
import { FEATURES } from './faults/features.js'
import { Ward } from './ward.js'

let ward: Ward
const scores: Score[] = []

beforeAll(async () => {
  ward = await Ward.bare(await Lab.create({ hosts: 1 }), ['--pre'])
})

afterAll(async () => {
  console.log(report(scores))
  await ward[Symbol.asyncDispose]()
})

test('nothing is found while nothing is wrong', async () => {
  expect(await ward.doctor(['--network=10.244.0.0/16,fd01::/48', '--backend=vxlan'])).toMatchObject({
    findings: [],
    status: 0,
    stderr: '',
  })
})

test.each([...BEFORE, ...FEATURES])('$name: $id', async (fault) => {
  const why = await fault.whyNot?.(ward)
  if (why !== undefined) {
    console.warn(`not injected here, since ${why}: ${fault.name}`)
    return
  }
  scores.push(await examine(ward, fault))
})
