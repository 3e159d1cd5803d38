import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Datagrams } from '@selvedge/lab'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sendDatagram } from '../src/systemd/unix-datagram.js'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-datagram-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('a datagram reaches a socket', () => {
  test.each([
    ['in the file system', () => join(folder, 'notify')],
    ['in the abstract namespace', () => `@selvedge-test-${process.pid}`],
  ])('%s', async (_, path) => {
    await using datagrams = await Datagrams.listen(path())
    sendDatagram(path(), 'STATUS=grüße')
    sendDatagram(path(), 'READY=1')
    await datagrams.receiving('READY=1')
    expect(datagrams.received).toEqual(['STATUS=grüße', 'READY=1'])
  })
})

test('a socket without a listener refuses, with its errno', () => {
  expect(() => sendDatagram(join(folder, 'absent'), 'READY=1')).toThrow(/absent: sendto failed, errno 2/)
})

test.each(['', 'notify', '@', `/${'x'.repeat(200)}`])('%j is not the path of a socket', (path) => {
  expect(() => sendDatagram(path, 'READY=1')).toThrow('is not the path of a UNIX socket')
})

test('a receiver that hangs costs no time', async () => {
  const path = join(folder, 'notify')
  await using datagrams = await Datagrams.listen(path)
  datagrams.pause()
  const start = performance.now()
  const flood = () => {
    for (let i = 0; i < 10_000; i += 1) sendDatagram(path, 'WATCHDOG=1')
  }
  expect(flood).toThrow(/errno 11/)
  expect(performance.now() - start).toBeLessThan(2_000)
})
