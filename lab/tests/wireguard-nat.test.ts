import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import {
  type Child,
  Lab,
  type Member,
  Namespace,
  Network,
  pingUntilReached,
  run,
  until,
} from '../src/index.js'
import { BY } from './wireguard-here.js'

/** On the lab's switch, one after the other, like an access line that gets another address now and then. */
const OUTER = ['192.168.77.100', '192.168.77.101', '192.168.77.102', '192.168.77.103'] as const

/** A change of the outer address is of an access line that is reconnected. */
const CHANGE_EVERY_MS = 10_000

test(`${BY}, two nodes behind one NAT are reached, and a TCP stream survives its outer address changing every 10 s`, async () => {
  await using lab = await Lab.create({ hosts: 3 })
  const nat = new Namespace(`${lab.name}-nat`)
  await putBehindNat(lab, nat)
  const network = await Network.create(lab, {
    Network: '10.244.0.0/16',
    Backend: { Type: 'wireguard', PersistentKeepaliveInterval: 1 },
  })
  const [outside, ...inside] = await network.joinAll()
  const [first, second] = inside
  if (outside === undefined || first === undefined || second === undefined)
    throw new RangeError('three hosts')
  expect(first.lease.attributes.publicIp).toBe('10.99.0.2')

  for (const { pod } of inside) await pingUntilReached(pod, addressOf(outside))
  // Their leases say addresses that this host has no way to: it answers where their handshakes come from.
  for (const member of inside) await pingUntilReached(outside.pod, addressOf(member))
  await pingUntilReached(first.pod, addressOf(second))

  const echo = outside.pod.spawn(process.execPath, ['-e', ECHO])
  await once(echo.stdout, 'data')
  const stream = new Stream(first.pod.spawn(process.execPath, ['-e', CLIENT, addressOf(outside)]))
  await stream.goesOn()
  for (const [i, address] of OUTER.slice(1).entries()) {
    const nextChange = sleep(CHANGE_EVERY_MS)
    // Masquerading forgets the flows of an address that is gone.
    await nat.ip('address', 'delete', `${OUTER[i]}/24`, 'dev', 'outer')
    await nat.ip('address', 'add', `${address}/24`, 'dev', 'outer')
    await stream.goesOn()
    await pingUntilReached(outside.pod, addressOf(second))
    await nextChange
    await stream.goesOn()
  }
  // At its start the agent lists the same leases again, and keeps the endpoints.
  await outside.agent.kill()
  await network.startAgent(outside.host).waitFor('in-sync')
  await stream.goesOn()
  for (const child of [stream.child, echo]) child.kill()
})

const addressOf = ({ pod }: Member): string => `${pod.addresses[0]}`

/** Unplugs all hosts but the first from the switch, and plugs them into a router that masquerades. */
async function putBehindNat(lab: Lab, nat: Namespace): Promise<void> {
  await run('ip', ['netns', 'add', nat.namespace])
  await lab.switch.ipBatch([
    `link add outer netns ${nat.namespace} type veth peer name nat netns ${lab.switch.namespace}`,
    'link set nat master br0 up',
  ])
  await nat.sysctl({ 'net/ipv4/ip_forward': 1 })
  await nat.ipBatch([
    'link set lo up',
    `address add ${OUTER[0]}/24 dev outer`,
    'link set outer up',
    'link add inner type bridge',
    'address add 10.99.0.1/24 dev inner',
    'link set inner up',
  ])
  await nat.exec('nft', [
    'add table ip nat; add chain ip nat out { type nat hook postrouting priority 100; }; ' +
      'add rule ip nat out oifname "outer" masquerade',
  ])
  for (const host of lab.hosts.slice(1)) {
    await nat.ipBatch([
      `link add ${host.name} type veth peer name eth1 netns ${host.namespace}`,
      `link set ${host.name} master inner up`,
    ])
    await host.ipBatch([
      'link set eth0 down',
      `address add 10.99.0.${host.name.slice(1)}/24 dev eth1`,
      'link set eth1 up',
      'route add default via 10.99.0.1 dev eth1',
    ])
  }
}

/** Says so once it listens. */
const ECHO = `
const server = require('node:net').createServer((socket) => socket.pipe(socket))
server.listen(7007, () => process.stdout.write('listening'))
`

/** One connection; a line for each answer to what it says every 50 ms. */
const CLIENT = `
const socket = require('node:net').connect(7007, process.argv[1])
socket.on('data', (data) => process.stdout.write(data))
socket.on('connect', () => setInterval(() => socket.write('.'), 50))
socket.on('close', () => process.exit(1))
`

class Stream {
  readonly child: Child
  #answers = 0

  constructor(child: Child) {
    this.child = child
    child.stdout.on('data', (chunk: Buffer) => {
      this.#answers += chunk.length
    })
  }

  /** Waits for more answers on the same connection than can be under way. */
  async goesOn(): Promise<void> {
    const before = this.#answers
    await until(
      'answers on the same connection',
      () => {
        if (this.child.exitCode !== null) throw new Error('the connection ended')
        return this.#answers > before + 20 || undefined
      },
      { timeoutMs: 30_000 },
    )
  }
}
