import { Lab, Network, ping, pingUntilReached, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { kernelHasEsp } from '../src/index.js'
import { Charon, captureAll, plainBetween } from './charon.js'
import { FlannelHost } from './flannel-host.js'

/** The tests run on any kernel; their names say who encrypts. */
const isKernels = await kernelHasEsp()
const HOW = isKernels ? 'by the kernel' : 'by charon: the kernel has no ESP'

const PSK = 'sEcReT'.repeat(16)
const config = { Network: '10.244.0.0/16', Backend: { Type: 'ipsec', PSK } }
/** flannel's host of a network, and the subnet that it has leased. */
const SUBNET = '10.244.7.0/24'

/** A host of ours, and one that flannel configures, in one network; both dial at once, as flannel's do. */
async function bothHosts(lab: Lab, psk: string) {
  const network = await Network.create(lab, config)
  const [own, other] = lab.hosts
  if (own === undefined || other === undefined) throw new RangeError('two hosts')
  const flannel = await FlannelHost.start(lab, other, !isKernels)
  const member = await network.join(own)
  const pod = await other.addPod({ subnets: [SUBNET], mtu: member.mtu })
  const local = { address: `${other.addresses[0]}`, subnet: SUBNET }
  const remote = { address: `${own.addresses[0]}`, subnet: `${member.lease.subnet}` }
  await using subnets = network.subnets()
  await subnets.acquireLease({
    attributes: { publicIp: local.address, backendType: 'ipsec' },
    previous: { subnet: SUBNET },
  })
  await flannel.connect({ local, remote, psk })
  return { member, pod, flannel, own, other }
}

test(`${HOW}: a host that flannel configures and one of ours form one network`, async () => {
  await using lab = await Lab.create({ hosts: 2 })
  const { member, pod, own } = await bothHosts(lab, PSK)
  await pingUntilReached(member.pod, `${pod.addresses[0]}`)
  await pingUntilReached(pod, `${member.pod.addresses[0]}`)
  const capture = await captureAll(lab)
  await member.pod.exec('ping', ['-c', '3', '-i', '0.1', `${pod.addresses[0]}`])
  expect(plainBetween(await capture.stop(), member.pod, pod)).toBe(0)
  // Up to the MTU, and not beyond.
  await member.pod.exec('ping', ['-c', '1', '-M', 'do', '-s', `${member.mtu - 28}`, `${pod.addresses[0]}`])
  expect(await Charon.of(lab, own).connections()).toEqual([
    `${own.addresses[0]}-${member.lease.subnet}-${SUBNET}-192.168.77.2`,
  ])
})

test(`${HOW}: a peer with another PSK is reported by name, without either PSK, and reached once it is right`, async () => {
  await using lab = await Lab.create({ hosts: 2 })
  const { member, pod, flannel, own } = await bothHosts(lab, 'wRoNg1'.repeat(16))
  const reported = await member.agent.waitFor('error', ({ message }) => message.includes('192.168.77.2'), {
    timeout: 30_000,
  })
  expect(reported).toMatchObject({ code: 'DRIVER_REFUSED' })
  expect(reported.message).toMatch(/connecting to 192\.168\.77\.2 by IKE: the peer has another PSK/)
  expect(JSON.stringify(member.agent.events)).not.toMatch(/sEcReT|wRoNg/)
  expect(await ping(member.pod, `${pod.addresses[0]}`)).toMatchObject({ lost: 5 })
  const right = new Charon(flannel.folder)
  for (const owner of ['192.168.77.1', '192.168.77.2']) {
    await right.command('load-shared', { id: owner, type: 'IKE', data: PSK, owners: [owner] })
  }
  await pingUntilReached(member.pod, `${pod.addresses[0]}`, { timeout: 60_000 })
  await until('a tunnel', async () => (await Charon.of(lab, own).childIds()).length > 0 || undefined)
})
