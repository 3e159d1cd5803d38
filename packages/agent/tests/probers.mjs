/** As many probers as its argument says, on addresses of loopback, as built; prints what changes once all reach each other. */
import { systemClock } from '@selvedge/core/kit'
import { Prober } from '../dist/probe/prober.js'

const count = Number(process.argv[2])
const addresses = Array.from({ length: count }, (_, index) => `127.0.33.${index + 1}`)
let isReady = false
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

const probers = addresses.map((own) => {
  const prober = new Prober({
    clock: systemClock,
    random: Math.random,
    port: 8475,
    onChanges: (changes) => {
      if (!isReady) return
      for (const { address, report } of changes) {
        print({ from: own, to: address, state: report.state, direction: report.direction, atMs: Date.now() })
      }
    },
    onError: (address, error) => {
      throw new Error(`${address}: ${error.message}`)
    },
  })
  prober.update(
    [own],
    addresses.filter((address) => address !== own),
  )
  return prober
})

const answer = ({ state, responds }) => state === 'reachable' && responds
setInterval(() => {
  if (isReady || !probers.every((prober) => [...prober.reports()].every(answer))) return
  isReady = true
  print({ ready: true })
}, 100)
