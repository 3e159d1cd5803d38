import { type Host, Lab, type Member, Network, PingStream, pingUntilReached, until } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kernelHasEsp } from '../src/index.js'
import { Charon, captureAll, plainBetween } from './charon.js'

/** What other programs do to the kernel's states and policies, of which charon learns nothing. */

const HAS_ESP = await kernelHasEsp()
const config = { Network: '10.244.0.0/16', Backend: { Type: 'ipsec', PSK: 'sEcReT'.repeat(16) } }

test.runIf(!HAS_ESP)('NOT TESTED: faults of the kernel’s ESP, since this kernel has none', () => {
  expect(HAS_ESP).toBe(false)
})

describe.runIf(HAS_ESP)(
  'the kernel’s ESP, under traffic, nothing of which is ever on the wire in plain',
  () => {
    let lab: Lab
    let first: Member
    let second: Member
    beforeAll(async () => {
      lab = await Lab.create({ hosts: 2 })
      const network = await Network.create(lab, config)
      const [a, b] = await network.joinAll()
      if (a === undefined || b === undefined) throw new RangeError('two hosts')
      first = a
      second = b
      await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)
    })
    afterAll(() => lab?.[Symbol.asyncDispose]())

    const outward = () => ({ source: `${first.lease.subnet}`, destination: `${second.lease.subnet}` })
    /** What a program names the policy for what leaves by. */
    const policyOut = () => {
      const { source, destination } = outward()
      return ['src', source, 'dst', destination, 'dir', 'out']
    }
    const states = async (host: Host) => spisOf(await host.ip('xfrm', 'state'))

    const harms: readonly [what: string, act: () => Promise<unknown>, isHealed: () => Promise<boolean>][] = [
      [
        'the states of one host are flushed',
        () => first.host.ip('xfrm', 'state', 'flush'),
        async () => (await states(first.host)).length >= 2,
      ],
      [
        'the states of both hosts are flushed',
        async () => {
          for (const { host } of [first, second]) await host.ip('xfrm', 'state', 'flush')
        },
        async () => (await states(first.host)).length >= 2 && (await states(second.host)).length >= 2,
      ],
      ['one state, of what leaves, is deleted', () => deleteState(first.host, second.host), isWhole],
      [
        'one state, of what comes in, is deleted',
        () => deleteState(second.host, first.host, first.host),
        isWhole,
      ],
      [
        'one policy, of what leaves, is deleted',
        () => first.host.ip('xfrm', 'policy', 'delete', ...policyOut()),
        async () => (await policy()).includes('proto esp'),
      ],
      [
        'one policy, of what leaves, is replaced by one that lets it pass in plain',
        () => first.host.ip('xfrm', 'policy', 'update', ...policyOut(), 'action', 'allow'),
        async () => (await policy()).includes('proto esp'),
      ],
      [
        'all policies are flushed',
        () => first.host.ip('xfrm', 'policy', 'flush'),
        async () => (await policy()).includes('proto esp'),
      ],
    ]

    const policy = () => first.host.ip('xfrm', 'policy', 'get', ...policyOut()).catch(() => '')

    /** Deletes the newest state from one host to another, at the first of them or at the one that is given. */
    async function deleteState(from: Host, to: Host, at = from): Promise<void> {
      const [source, destination] = [`${from.addresses[0]}`, `${to.addresses[0]}`]
      const text = await at.ip('xfrm', 'state', 'list', 'src', source, 'dst', destination)
      for (const spi of spisOf(text)) {
        const words = ['src', source, 'dst', destination, 'proto', 'esp', 'spi', spi]
        await at.ip('xfrm', 'state', 'delete', ...words)
      }
    }

    /** Whether the kernel has a state each way. */
    async function isWhole(): Promise<boolean> {
      const ends = [first.host, second.host]
      const texts = await Promise.all(
        [ends, ends.toReversed()].map(([from, to]) =>
          first.host.ip(
            'xfrm',
            'state',
            'list',
            'src',
            `${from?.addresses[0]}`,
            'dst',
            `${to?.addresses[0]}`,
          ),
        ),
      )
      return texts.every((text) => spisOf(text).length > 0)
    }

    test.each(harms)('%s: it is healed', async (what, act, isHealed) => {
      const capture = await captureAll(lab)
      const stream = await PingStream.start(first.pod, `${second.pod.addresses[0]}`, 20)
      await act()
      const begin = performance.now()
      await until('it to be healed', async () => (await isHealed()) || undefined)
      await pingUntilReached(first.pod, `${second.pod.addresses[0]}`)
      await pingUntilReached(second.pod, `${first.pod.addresses[0]}`)
      const healed = performance.now() - begin
      const { sent, lost, longestGapMs } = await stream.stop()
      const packets = await capture.stop()
      process.stdout.write(
        `    ${what}: ${lost} of ${sent} lost, ${Math.round(longestGapMs)} ms the longest gap, ${Math.round(healed)} ms until healed\n`,
      )
      expect(packets.length).toBeGreaterThan(10)
      expect(plainBetween(packets, first.pod, second.pod)).toBe(0)
      expect((await Charon.of(lab, first.host).childIds()).length).toBeGreaterThan(0)
    })
  },
)

/** Of what `ip xfrm state` prints: those that have keys. */
const spisOf = (text: string): string[] =>
  [...text.matchAll(/proto esp spi (0x[0-9a-f]+)/g)].flatMap(([, spi]) =>
    spi === undefined || spi === '0x00000000' ? [] : [spi],
  )
