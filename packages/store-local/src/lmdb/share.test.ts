import { mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { LocalSubnetManager } from '../manager.js'

it('keeps the locks that LMDB holds for this process, whatever else it does with the file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'slv-local-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'leases.mdb')
  await using manager = new LocalSubnetManager({ path, config: { Network: '10.244.0.0/16' } })
  const lease = await manager.acquireLease({ attributes: { publicIp: '192.0.2.1' } })
  const held = await locksOn(`${path}-lock`)
  expect(held).not.toEqual([])

  await manager.renewLease(lease)
  expect(await locksOn(`${path}-lock`)).toEqual(held)

  await symlink(folder, `${folder}-link`)
  onTestFinished(() => rm(`${folder}-link`))
  for (const alias of [path, join(`${folder}-link`, 'leases.mdb')]) {
    const second = new LocalSubnetManager({ path: alias })
    await second.renewLease(lease)
    await second[Symbol.asyncDispose]()
    expect(await locksOn(`${path}-lock`)).toEqual(held)
  }
})

/** The record locks that this process holds on a file, as /proc/locks lists them. */
async function locksOn(path: string): Promise<string[]> {
  const { ino } = await stat(path)
  const lines = (await readFile('/proc/locks', 'utf8')).split('\n')
  return lines
    .filter((line) => line.includes(` ${process.pid} `) && line.includes(`:${ino} `))
    .map((line) => line.slice(line.indexOf('POSIX')))
    .sort()
}
