/**
 * One side of the measurement of probes, by its first argument: `peers`, the sockets of that many peers on loopback, which
 * answer, and ask as often as they are asked; or `prober`, which prints what its CPU was while it probed them.
 */
import { createSocket } from 'node:dgram'
import { decodeDatagram, encodeDatagram, Prober } from '@selvedge/agent/probe'
import { systemClock } from '@selvedge/core/kit'

const PORT = 8475
const PROBER = '127.0.0.9'
const WARM_UP_MS = 15_000
const MEASURED_MS = 20_000
const MS = 1000

const [side, number] = process.argv.slice(2)
const addresses = Array.from({ length: Number(number) }, (_, index) => `127.1.${index >> 8}.${index & 255}`)

if (side === 'peers') {
  for (const address of addresses) {
    const socket = createSocket({ type: 'udp4', lookup: (host, _, done) => done(null, host, 4) })
    socket.on('message', (bytes, from) => {
      const asked = decodeDatagram(bytes)
      if (asked?.kind !== 'question') return
      socket.send(encodeDatagram({ ...asked, kind: 'answer', heardAgeMs: 0 }), from.port, from.address)
      // At a time of its own, as on hosts of their own.
      setTimeout(
        () => socket.send(encodeDatagram({ ...asked, heardAgeMs: 0 }), PORT, PROBER),
        Math.random() * MS,
      )
    })
    socket.bind({ address, port: PORT })
  }
} else {
  const prober = new Prober({
    clock: systemClock,
    random: Math.random,
    port: PORT,
    onChanges: () => {},
    onError: (address, error) => {
      throw new Error(`${address}: ${error.message}`)
    },
  })
  prober.update([PROBER], addresses)
  await systemClock.sleep(WARM_UP_MS)
  const [before, startedAt] = [process.cpuUsage(), performance.now()]
  await systemClock.sleep(MEASURED_MS)
  const { user, system } = process.cpuUsage(before)
  const cpuShare = (user + system) / MS / (performance.now() - startedAt)
  const reached = [...prober.reports()].filter(({ state }) => state === 'reachable').length
  process.stdout.write(JSON.stringify({ cpuShare, intervalMs: prober.intervalMs, reached }))
  process.exit()
}
