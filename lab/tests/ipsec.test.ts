import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { kernelHasEsp } from '@selvedge/backend-ipsec'
import { describe, expect, test } from 'vitest'
import { Capture, count, type Member, pingMatrix, pingUntilReached } from '../src/index.js'
import { joinedLab } from './setup.js'

/** The tests run on any kernel; their names say who encrypts. */
const HOW = (await kernelHasEsp()) ? 'by the kernel' : 'by charon: the kernel has no ESP'

const PSK = 'sEcReT'.repeat(16)
const backend = { Type: 'ipsec', PSK }

const networks = {
  IPv4: { config: { Network: '10.244.0.0/16' }, lab: {} },
  'IPv6 only': {
    config: { EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd44::/48' },
    lab: { ipv4: false, ipv6: true },
  },
  'dual-stack': {
    config: { Network: '10.244.0.0/16', EnableIPv6: true, IPv6Network: 'fd44::/48' },
    lab: { ipv6: true },
  },
}

/** What pods' pings are filled with, so that they are known in any encapsulation that does not encrypt. */
const PATTERN = '5e1bed6e'
/** UDP port 4500 to 4500, of ESP in UDP. */
const ENCAPSULATED = '11941194'

describe.each([
  ['IPv4', {}],
  ['IPv6 only', {}],
  ['dual-stack', { UDPEncap: true, ESPProposal: 'aes256gcm16-prfsha384-ecp384' }],
] as const)(`${HOW}: %s, %j`, (name, settings) => {
  test('every pod reaches every pod, and nothing of it is on the wire in plain', async () => {
    const { config, lab: options } = networks[name]
    const network = { ...config, Backend: { ...backend, ...settings } }
    await using joined = await joinedLab(network, { hosts: 3, ...options })
    const capture = await Capture.start(joined.lab.switch, {
      device: 'br0',
      file: join(joined.lab.directory, 'capture.pcap'),
    })
    const pods = joined.members.map(({ pod }) => pod)
    await reachAll(joined.members)
    for (const entry of await pingMatrix(pods, pods)) expect(entry).toMatchObject({ lost: 0 })
    const [first, second] = [joined.member(0), joined.member(1)]
    for (const address of second.pod.addresses) {
      await first.pod.exec('ping', ['-c', '3', '-i', '0.1', '-p', PATTERN, address])
    }
    const bytes = await capture.stop()
    expect(count(bytes, PATTERN)).toBe(0)
    if (HOW !== 'by the kernel' || 'UDPEncap' in settings) {
      // Three echo requests and their answers in each family.
      expect(count(bytes, ENCAPSULATED)).toBeGreaterThan(5)
    }
    // charon keeps its PSK to itself: not on its command line, in no file of its folder, in no event of the agent.
    const folder = join(joined.lab.directory, 'h1', 'ipsec')
    const pid = readFileSync(join(folder, 'charon-started.pid'), 'utf8')
    const files = ['strongswan.conf', 'charon.log'].map((file) => readFileSync(join(folder, file), 'utf8'))
    const command =
      readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8')
    expect([...files, command, JSON.stringify(first.agent.events)].join('')).not.toContain('sEcReT')
  })
})

async function reachAll(members: readonly Member[]): Promise<void> {
  for (const { pod } of members) {
    for (const other of members)
      for (const address of other.pod.addresses) await pingUntilReached(pod, address)
  }
}
