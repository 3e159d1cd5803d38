/** `selvedge doctor` on hosts of other kinds: nothing is found on those that are well, and faults of each kind are. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { vxlanConfig } from '../../rig.js'
import { Bench, type BenchOptions } from './bench.js'
import { examine, report, type Score } from './examine.js'
import type { Fault } from './fault.js'
import { DUAL_STACK, HOST_GW, LOCAL_STORE, WIREGUARD } from './faults/kinds.js'

const HEALTHY_RUNS = Number(process.env.DOCTOR_RUNS ?? 2)

interface Kind {
  readonly name: string
  readonly config: object | undefined
  readonly options?: BenchOptions
  readonly faults: readonly Fault[]
}

const dualStack = {
  Network: '10.244.0.0/16',
  IPv6Network: 'fd01:cafe::/48',
  EnableIPv6: true,
  Backend: { Type: 'vxlan' },
}

const KINDS: readonly Kind[] = [
  {
    name: 'host-gw',
    config: { Network: '10.244.0.0/16', Backend: { Type: 'host-gw' } },
    faults: HOST_GW,
  },
  {
    name: 'wireguard',
    config: { Network: '10.244.0.0/16', Backend: { Type: 'wireguard' } },
    faults: WIREGUARD,
  },
  {
    name: 'vxlan, with IPv4 and IPv6, and rules of nftables',
    config: { ...dualStack, EnableNFTables: true },
    options: { ipv6: true },
    faults: DUAL_STACK,
  },
  {
    name: 'vxlan, with the store of a file',
    config: undefined,
    options: {
      store: async ({ lab }) => {
        const config = join(lab.directory, 'net-conf.json')
        await writeFile(config, JSON.stringify(vxlanConfig))
        return [`--local-store=${join(lab.directory, 'store.mdb')}`, `--net-config-path=${config}`]
      },
    },
    faults: LOCAL_STORE,
  },
]

const scores: Score[] = []
afterAll(() => console.log(report(scores)))

describe.each(KINDS)('$name', ({ config, options, faults }) => {
  let bench: Bench
  beforeAll(async () => {
    bench = await Bench.create(config, options)
  })
  afterAll(() => bench[Symbol.asyncDispose]())

  test(`nothing is found in ${HEALTHY_RUNS} runs while nothing is wrong`, async () => {
    for (let run = 0; run < HEALTHY_RUNS; run += 1) {
      expect(await bench.doctor()).toMatchObject({ findings: [], status: 0, stderr: '' })
    }
  }, 600_000)

  test.each(faults)('$name: $id', async (fault) => {
    scores.push(await examine(bench, fault))
  })
})
