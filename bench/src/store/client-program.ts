/**
 * Runs beside an agent, in the namespace of its store:
 *
 *     client-program.js STORE load COUNT     writes a network config and so many leases
 *     client-program.js STORE forget         deletes the lease of the agent
 *     client-program.js STORE change TIMES   puts and deletes one more lease in turn, each at a SIGUSR2
 *     client-program.js STORE requests       prints at a SIGUSR2 how many requests of each kind the store has got since the start
 */
import { NETWORK, OWN_SUBNET, peerLease, peerLeases } from '../peers.js'
import { connect } from './client.js'
import type { StoreName } from './server.js'

/** A peer that is not loaded. */
const NEWCOMER = peerLease(65_000)

const [store = '', command = '', argument = ''] = process.argv.slice(2)
const client = await connect(store as StoreName)

async function load(count: number): Promise<void> {
  // The only subnet left for this node's own lease is the last: no benchmark of the rest measures a search.
  const [own = ''] = OWN_SUBNET.split('/')
  const config = { Network: NETWORK, SubnetMin: own, SubnetMax: own, Backend: { Type: 'vxlan' } }
  await client.load(config, peerLeases(count))
}

/** Prints a line for each change: when it was requested, and when the store answered. */
async function change(times: number): Promise<void> {
  const now = () => performance.timeOrigin + performance.now()
  await atSignals(times, async (time) => {
    const requested = now()
    if (time % 2 === 0) await client.put(NEWCOMER)
    else await client.delete(NEWCOMER)
    print({ requested, answered: now() })
  })
}

async function requests(): Promise<void> {
  const counts = await client.count()
  await atSignals(1, async () => print(await counts()))
}

/** Prints a line once it is ready, and does its work at each signal. */
async function atSignals(times: number, work: (time: number) => Promise<void>): Promise<void> {
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
    await work(time)
  }
  clearInterval(alive)
}

const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)

try {
  if (command === 'load') await load(Number(argument))
  else if (command === 'forget') await client.delete({ subnet: OWN_SUBNET, attributes: {} })
  else if (command === 'change') await change(Number(argument))
  else if (command === 'requests') await requests()
  else throw new TypeError(`no command '${command}'`)
} finally {
  await client.close()
}
