/**
 * `node slow-clients.mjs PORT`: 600 clients that send a request a byte at a time, and connect again as soon as they are cut
 * off. Prints a line once all have connected.
 */
import { connect } from 'node:net'
import process from 'node:process'

const CLIENTS = 600
const port = Number(process.argv[2])
let connected = 0

function client() {
  const socket = connect(port, '127.0.0.1', () => {
    connected += 1
    if (connected === CLIENTS) process.stdout.write('all have connected\n')
    socket.write('GET /healthz HTTP/1.1\r\nX-')
  })
  const trickle = setInterval(() => socket.write('a'), 1_000)
  socket
    .on('error', () => undefined)
    .on('close', () => {
      clearInterval(trickle)
      setTimeout(client, 200)
    })
}

for (let i = 0; i < CLIENTS; i += 1) client()
