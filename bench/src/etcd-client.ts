/**
 * Runs beside an agent, in the namespace of its etcd:
 *
 *     etcd-client.js ENDPOINT load COUNT     writes a network config and so many leases, as flannel does
 *     etcd-client.js ENDPOINT forget         deletes the lease of the agent
 *     etcd-client.js ENDPOINT change TIMES   puts and deletes one more lease in turn, each at a SIGUSR2
 *     etcd-client.js ENDPOINT requests       prints how many requests of each kind etcd has served
 */
import { type Lease, leaseKey } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'
import { Etcd3 } from 'etcd3'
import { NETWORK, OWN_SUBNET, peerLease, peerLeases } from './peers.js'

const PREFIX = '/coreos.com/network'
/** etcd takes 128 operations in a transaction (--max-txn-ops). */
const OPERATIONS = 128
/** A peer that is not loaded. */
const NEWCOMER = peerLease(65_000)

const [endpoint = '', command = '', argument = ''] = process.argv.slice(2)
const client = new Etcd3({ hosts: endpoint })
const key = (lease: Lease) => `${PREFIX}/subnets/${leaseKey(lease)}`
const value = (lease: Lease) => encodeLeaseAttributes(lease.attributes)

async function load(count: number): Promise<void> {
  // The only subnet left for this node's own lease is the last: no benchmark of the rest measures a search.
  const [own = ''] = OWN_SUBNET.split('/')
  const config = { Network: NETWORK, SubnetMin: own, SubnetMax: own, Backend: { Type: 'vxlan' } }
  await client.put(`${PREFIX}/config`).value(JSON.stringify(config))
  const { ID } = await client.leaseClient.leaseGrant({ TTL: 86_400 })
  const leases = peerLeases(count)
  for (let from = 0; from < leases.length; from += OPERATIONS) {
    const success = leases.slice(from, from + OPERATIONS).map((lease) => ({
      request_put: { key: Buffer.from(key(lease)), value: Buffer.from(value(lease)), lease: ID },
    }))
    await client.kv.txn({ compare: [], success, failure: [] })
  }
}

async function forget(): Promise<void> {
  await client.delete().key(key({ subnet: OWN_SUBNET, attributes: {} }))
}

/** Prints a line for each change: when it was requested, and when etcd answered. */
async function change(times: number): Promise<void> {
  const now = () => performance.timeOrigin + performance.now()
  let proceed = () => {}
  process.on('SIGUSR2', () => proceed())
  // Waiting for a signal alone does not keep a process alive.
  const alive = setInterval(() => {}, 1_000)
  for (let time = 0; time < times; time += 1) {
    const go = new Promise<void>((resolve) => {
      proceed = resolve
    })
    if (time === 0) print('ready')
    await go
    const requested = now()
    if (time % 2 === 0) await client.put(key(NEWCOMER)).value(value(NEWCOMER))
    else await client.delete().key(key(NEWCOMER))
    print({ requested, answered: now() })
  }
  clearInterval(alive)
}

async function requests(): Promise<void> {
  const metrics = await (await fetch(`${endpoint}/metrics`)).text()
  const counts: Record<string, number> = {}
  for (const [, method = '', count] of metrics.matchAll(
    /^grpc_server_started_total\{grpc_method="(\w+)".*\} (\d+)$/gm,
  )) {
    if (Number(count) > 0) counts[method] = Number(count)
  }
  print(counts)
}

const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)

try {
  if (command === 'load') await load(Number(argument))
  else if (command === 'forget') await forget()
  else if (command === 'change') await change(Number(argument))
  else if (command === 'requests') await requests()
  else throw new TypeError(`no command '${command}'`)
} finally {
  client.close()
}
