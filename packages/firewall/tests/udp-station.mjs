// Sends and answers datagrams in a network namespace, as a test asks for on the standard input: a JSON line each.
//   { "listen": [ports], "at": [addresses], "groups": [addresses], "device": "eth0" }
//   { "send": id, "from": address, "sourcePort": number, "to": address, "port": number, "device": "out" }
//   { "stream": id, "from": address, "to": address, "port": number }, until { "end": id }
// Every datagram that arrives is answered, and reported with the address that it comes from: { "received": id, "from": … }.
// So is the answer: { "answered": id }.
import { createSocket } from 'node:dgram'
import { createInterface } from 'node:readline'

const report = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)
const family = (address) => (address.includes(':') ? 'udp6' : 'udp4')

/** At single addresses: what is bound to all answers from the one that is nearest to whom it answers. */
function listen({ listen, at, groups = [], device }) {
  for (const address of [...at, ...groups]) {
    for (const port of listen) {
      const type = family(address)
      const socket = createSocket({ type, ipv6Only: type === 'udp6' })
      socket.on('message', (message, { address, port }) => {
        report({ received: `${message}`, from: address })
        socket.send(message, port, address)
      })
      socket.bind(port, address, () => {
        if (groups.includes(address))
          socket.addMembership(address, type === 'udp6' ? `::%${device}` : undefined)
        report({ listening: port })
      })
    }
  }
}

/** One for each address and port to send from. */
const senders = new Map()

function senderAt(from, sourcePort) {
  const key = `${from} ${sourcePort}`
  let sender = senders.get(key)
  if (sender === undefined) {
    const socket = createSocket(family(from))
    socket.on('message', (message) => report({ answered: `${message}` }))
    sender = new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(sourcePort, from, () => resolve(socket))
    })
    senders.set(key, sender)
  }
  return sender
}

async function send({ send, from, sourcePort, to, port, device }) {
  try {
    const socket = await senderAt(from, sourcePort)
    if (device !== undefined) socket.setMulticastInterface(family(to) === 'udp6' ? `::%${device}` : device)
    await new Promise((resolve, reject) =>
      socket.send(send, port, to, (error) => (error ? reject(error) : resolve())),
    )
  } catch (error) {
    report({ failed: send, why: error.message })
  }
}

/**
 * A datagram a millisecond, each a flow of its own: the kernel decides for each one. The ports come in turn: one at
 * random may have been had before, and the kernel keeps that flow's verdict.
 */
async function stream({ stream, from, to, port }) {
  let sent = 0
  let isEnded = false
  streams.set(stream, () => {
    isEnded = true
  })
  let due = performance.now()
  while (!isEnded) {
    // What a pause of this process has missed is left out: a burst would overrun the receiver's buffer.
    due = Math.max(due, performance.now() - 20)
    for (; due < performance.now(); due += 1) {
      const socket = createSocket(family(from))
      socket.bind(FIRST_PORT + (sent % PORTS), from, () =>
        socket.send(`${stream} ${sent}`, port, to, () => socket.close()),
      )
      await new Promise((resolve) => socket.once('close', resolve))
      sent += 1
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  report({ streamed: stream, sent })
}
const streams = new Map()
const FIRST_PORT = 20_000
const PORTS = 40_000

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  if (command.listen !== undefined) listen(command)
  else if (command.stream !== undefined) void stream(command)
  else if (command.end !== undefined) streams.get(command.end)?.()
  else void send(command)
}
process.exit()
