import { FakeClock } from '@selvedge/conformance'
import { expect, test } from 'vitest'
import { SubnetFile } from './subnet-env-file.js'

function subnetFile() {
  const clock = new FakeClock()
  const told: string[] = []
  const disk = { text: undefined as string | undefined, full: false, writes: 0 }
  const file = new SubnetFile({
    path: '/run/flannel/subnet.env',
    clock,
    random: () => 1,
    onWritten: (text) => told.push(`written ${text}`),
    onError: (error) => told.push(String(error)),
    write: async (path, text) => {
      disk.writes += 1
      await clock.sleep(10)
      if (disk.full) throw new Error(`${path}: no space left on device`)
      disk.text = text
    },
  })
  return { file, clock, told, disk }
}

test('of several texts in a row the last is what the file holds', async () => {
  const { file, clock, disk } = subnetFile()
  for (const text of ['a', 'b', 'c']) file.publish(text)
  await clock.advance(1_000)
  expect(disk).toMatchObject({ text: 'c', writes: 2 })
})

test('the same text again is not written again, and another one is', async () => {
  const { file, clock, disk } = subnetFile()
  for (const text of ['a', 'a', 'b']) {
    file.publish(text)
    await clock.advance(1_000)
  }
  expect(disk).toMatchObject({ text: 'b', writes: 2 })
})

test('a full disk is told once, and overcome', async () => {
  const { file, clock, told, disk } = subnetFile()
  disk.full = true
  file.publish('a')
  await clock.advance(120_000)
  expect(told).toEqual(['Error: /run/flannel/subnet.env: no space left on device'])
  expect(disk.writes).toBeLessThan(12)
  disk.full = false
  await clock.advance(31_000)
  expect(told.at(-1)).toBe('written a')
})

test('once disposed of it writes no more', async () => {
  const { file, clock, disk } = subnetFile()
  disk.full = true
  file.publish('a')
  await clock.advance(100)
  await file[Symbol.asyncDispose]()
  const { writes } = disk
  await clock.advance(120_000)
  expect(disk.writes).toBe(writes)
})
