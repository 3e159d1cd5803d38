/**
 * Forwards connections to a port of 127.0.0.1 to another address, and holds everything back once clients have sent that many
 * bytes: prints `held` then, and goes on at SIGUSR2.
 *
 *     node holding-proxy.mjs LISTEN-PORT TARGET-ADDRESS TARGET-PORT BYTES
 */
import { connect, createServer } from 'node:net'

const [port, address, targetPort, bytes] = process.argv.slice(2)
let left = Number(bytes)
let isReleased = false
const held = []

process.on('SIGUSR2', () => {
  isReleased = true
  for (const goOn of held.splice(0)) goOn()
})

createServer((near) => {
  const far = connect(Number(targetPort), address)
  for (const socket of [near, far]) {
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => {
      near.destroy()
      far.destroy()
    })
  }
  far.pipe(near)
  near.on('data', (chunk) => {
    left -= chunk.length
    if (left >= 0 || isReleased) return far.write(chunk)
    near.pause()
    if (held.length === 0) console.log('held')
    held.push(() => {
      far.write(chunk)
      near.resume()
    })
  })
}).listen(Number(port), '127.0.0.1', () => console.log('listening'))
