import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LocalSubnetManager } from './local-subnet-manager.js'
import { writeLockHolder } from './write-lock.js'

test('looking at the lock file costs this process none of its locks on it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'selvedge-store-'))
  try {
    await using subnets = new LocalSubnetManager({
      path: join(directory, 'store.mdb'),
      config: { Network: '10.244.0.0/16' },
    })
    await subnets.getNetworkConfig()
    const before = await locksOn(`${subnets.path}-lock`)
    expect(before).not.toEqual([])
    expect(writeLockHolder(`${subnets.path}-lock`)).toBeUndefined()
    expect(await locksOn(`${subnets.path}-lock`)).toEqual(before)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

/** The fcntl locks that this process holds on a file: `… POSIX ADVISORY READ <pid> <device>:<inode> <from> <to>`. */
async function locksOn(path: string): Promise<string[]> {
  const { ino } = await stat(path)
  const lines = (await readFile('/proc/locks', 'utf8')).split('\n')
  return lines
    .filter((line) => line.includes(` ${process.pid} `) && line.includes(`:${ino} `))
    .map((line) => line.slice(line.indexOf('POSIX')))
}
