import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ViciClient } from './client.js'
import { encodePacket, PACKET, type Packet, PacketSplitter } from './packet.js'

describe('a client', () => {
  let directory: string
  let server: Server
  let sockets: Socket[]
  /** What the server does with a packet. */
  let answer: (packet: Packet, socket: Socket) => void
  let uri: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'selvedge-vici-'))
    sockets = []
    server = createServer((socket) => {
      const splitter = new PacketSplitter()
      sockets.push(socket)
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        for (const packet of splitter.push(chunk)) answer(packet, socket)
      })
    })
    uri = `unix://${join(directory, 'vici')}`
    server.listen(join(directory, 'vici'))
    await once(server, 'listening')
  })
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await rm(directory, { recursive: true })
  })

  it('is undefined if no process listens', async () => {
    expect(await ViciClient.open(`${uri}-not`)).toBeUndefined()
  })

  it('gets an answer, and charon’s reason for a failure', async () => {
    answer = ({ name }, socket) => {
      if (name === 'version') socket.write(encodePacket(PACKET.response, '', { version: '5.9.8' }))
      else if (name === 'unload-conn') {
        socket.write(encodePacket(PACKET.response, '', { success: 'no', errmsg: 'not found' }))
      } else socket.write(encodePacket(PACKET.unknownCommand))
    }
    using client = await ViciClient.open(uri)
    expect(await client?.command('version')).toMatchObject({ version: '5.9.8' })
    await expect(client?.command('unload-conn', { name: 'a' })).rejects.toThrow(
      'charon answered to unload-conn: not found',
    )
    await expect(client?.command('no-such')).rejects.toThrow('charon has no command no-such')
    expect(await client?.command('version')).toMatchObject({ version: '5.9.8' })
  })

  it('gets what a command streams', async () => {
    answer = ({ type }, socket) => {
      if (type !== PACKET.request) return void socket.write(encodePacket(PACKET.confirmEvent))
      for (const name of ['list-conn', 'other', 'list-conn']) {
        socket.write(encodePacket(PACKET.event, name, { name }))
      }
      socket.write(encodePacket(PACKET.response))
    }
    using client = await ViciClient.open(uri)
    expect(await client?.stream('list-conns', 'list-conn')).toHaveLength(2)
  })

  it('gets events until its signal aborts, and ends with the connection', async () => {
    answer = (_packet, socket) => {
      socket.write(encodePacket(PACKET.confirmEvent))
      socket.write(encodePacket(PACKET.event, 'ike-updown', { up: 'yes' }))
    }
    const ending = new AbortController()
    using client = await ViciClient.open(uri)
    let count = 0
    for await (const { name } of client?.events(['ike-updown'], { signal: ending.signal }) ?? []) {
      expect(name).toBe('ike-updown')
      count += 1
      ending.abort()
    }
    expect(count).toBe(1)
    using other = await ViciClient.open(uri)
    for await (const _ of other?.events(['ike-updown'], { signal: new AbortController().signal }) ?? []) {
      for (const socket of sockets) socket.destroy()
    }
  })

  it.each<[string, (socket: Socket) => void, RegExp]>([
    ['is silent', () => {}, /charon did not answer to load-shared within 100 ms/],
    ['ends', (socket) => socket.destroy(), /charon ended the connection/],
    [
      'answers nonsense',
      (socket) => socket.write('GET / HTTP/1.1\r\n\r\n'),
      /a vici packet of \d+ bytes was announced/,
    ],
    [
      'answers another type',
      (socket) => socket.write(encodePacket(PACKET.confirmEvent)),
      /a packet of type 5/,
    ],
  ])(
    'rejects without what it sent if charon %s, and then takes no further command',
    async (_what, act, message) => {
      answer = (_packet, socket) => act(socket)
      using client = await ViciClient.open(uri)
      const options = { timeoutMs: 100 }
      const error = await client?.command('load-shared', { data: 'sEcReT' }, options).catch(String)
      expect(error).toMatch(message)
      expect(error).not.toContain('sEcReT')
      await expect(client?.command('version', {}, options)).rejects.toThrow(message)
    },
  )

  it('rejects with the reason of its signal', async () => {
    answer = () => {}
    const ending = new AbortController()
    using client = await ViciClient.open(uri)
    const pending = client?.command('version', {}, { signal: ending.signal })
    ending.abort(new Error('enough'))
    await expect(pending).rejects.toThrow('enough')
  })
})
