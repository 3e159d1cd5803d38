import { FakeClock } from '@selvedge/conformance'
import { expect, test } from 'vitest'
import { SubnetEnvFile } from './subnet-env-file.js'

const MINUTE_MS = 60_000

function subnetEnvFile() {
  const clock = new FakeClock()
  const reported: string[] = []
  const disk = { text: undefined as string | undefined, full: false, writes: 0 }
  const file = new SubnetEnvFile({
    path: '/run/flannel/subnet.env',
    clock,
    random: () => 1,
    onWritten: (text) => reported.push(`written ${text}`),
    onError: (error) => reported.push(String(error)),
    onDrift: (was) => reported.push(was),
    io: {
      read: async () => disk.text,
      write: async (path, text) => {
        disk.writes += 1
        await clock.sleep(10)
        if (disk.full) throw new Error(`${path}: no space left on device`)
        disk.text = text
      },
    },
  })
  return { file, clock, reported, disk }
}

test('of several texts in a row the file holds the last', async () => {
  const { file, clock, disk } = subnetEnvFile()
  for (const text of ['a', 'b', 'c']) file.publish(text)
  await clock.advance(1_000)
  expect(disk.text).toBe('c')
  expect(disk.writes).toBeLessThanOrEqual(2)
})

test('the same text again is not written again, and another one is', async () => {
  const { file, clock, disk } = subnetEnvFile()
  for (const text of ['a', 'a', 'b']) {
    file.publish(text)
    await clock.advance(1_000)
  }
  expect(disk).toMatchObject({ text: 'b', writes: 2 })
})

test('a full disk is reported once, and overcome', async () => {
  const { file, clock, reported, disk } = subnetEnvFile()
  disk.full = true
  file.publish('a')
  await clock.advance(2 * MINUTE_MS)
  expect(reported).toEqual(['Error: /run/flannel/subnet.env: no space left on device'])
  expect(disk.writes).toBeLessThan(12)
  disk.full = false
  await clock.advance(31_000)
  expect(reported.at(-1)).toBe('written a')
})

test.each([
  ['missing', undefined],
  ['changed', 'b'],
] as const)('a file that is %s is written again within 10 s', async (was, text) => {
  const { file, clock, reported, disk } = subnetEnvFile()
  file.publish('a')
  await clock.advance(10 * MINUTE_MS)
  disk.text = text
  await clock.advance(10_010)
  expect(disk.text).toBe('a')
  expect(reported).toEqual(['written a', was, 'written a'])
  await clock.advance(10 * MINUTE_MS)
  expect(disk.writes).toBe(2)
})

test('a check finds at once what another process did, and has it undone', async () => {
  const { file, clock, reported, disk } = subnetEnvFile()
  await file.check()
  file.publish('a')
  await clock.advance(100)
  await file.check()
  disk.text = undefined
  await Promise.all([file.check(), file.check()])
  expect(reported).toEqual(['written a', 'missing'])
  await clock.advance(20)
  expect(reported).toEqual(['written a', 'missing', 'written a'])
})

test('a check finds nothing wrong while the file is being written', async () => {
  const { file, clock, reported } = subnetEnvFile()
  for (const text of ['a', 'b', 'c']) {
    file.publish(text)
    for (let i = 0; i < 30; i += 1) {
      await file.check()
      await clock.advance(1)
    }
  }
  expect(reported).toEqual(['written a', 'written b', 'written c'])
})

test('once disposed of it writes no more', async () => {
  const { file, clock, disk } = subnetEnvFile()
  disk.full = true
  file.publish('a')
  await clock.advance(100)
  await file[Symbol.asyncDispose]()
  const { writes } = disk
  await clock.advance(2 * MINUTE_MS)
  expect(disk.writes).toBe(writes)
})
