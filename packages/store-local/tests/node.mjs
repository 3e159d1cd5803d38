/**
 * A node in a process of its own, for the tests to command by messages and to kill. Runs on the build.
 *
 * In: `{ call, args }`, the name of a method of the manager. Out: `{ result }` or `{ error: { code, message } }`.
 * `watch` answers with every event; `holdLock` never answers; `churn` takes, renews and gives back leases without end, telling each only when it
 * is acknowledged. The others say themselves what they do.
 */
import { open as openFile, rm } from 'node:fs/promises'
import { LocalSubnetManager } from '@selvedge/store-local'

const manager = new LocalSubnetManager(JSON.parse(process.argv[2]))
const send = (message) => new Promise((resolve) => process.send(message, resolve))
const ballast = `${manager.path}.ballast`
const { signal } = new AbortController()

const calls = {
  async watch() {
    for await (const event of manager.watchLeases({ signal })) await send({ event, at: Date.now() })
  },

  async churn(publicIp) {
    for (let sequence = 1; ; sequence += 1) {
      const attributes = { publicIp, backendData: { sequence } }
      const lease = await manager.acquireLease({ attributes })
      await send({ acknowledged: 'put', lease })
      await manager.renewLease({
        ...lease,
        attributes: { publicIp, backendData: { sequence, renewed: true } },
      })
      if (sequence % 3 === 0) {
        await send({ announced: 'delete' })
        await manager.releaseLease(lease)
        await send({ acknowledged: 'delete' })
      }
    }
  },

  /** Stops in the midst of a write, as a process does that is frozen. */
  async holdLock() {
    const { open } = await import('lmdb')
    const root = open({ path: manager.path, noSubdir: true, encoding: 'json', overlappingSync: false })
    root.transactionSync(() => {
      process.send({ announced: 'hold' })
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })
  },

  /** Every lease, as a watch that starts now reports it. */
  async snapshot() {
    for await (const { leases } of manager.watchLeases({ signal })) return leases
  },

  /** Leases until it fails; answers how many were acknowledged, and with what it failed. */
  async fill(max) {
    for (let count = 0; ; count += 1) {
      try {
        if (count === max) return { count }
        const attributes = { publicIp: `192.0.2.${count}`, backendData: 'x'.repeat(2000) }
        await manager.acquireLease({ attributes })
      } catch ({ code, message }) {
        return { count, code, message }
      }
    }
  },

  /** Reads and writes another store; answers `works` or the code of the error. */
  async tryStore(path) {
    const other = new LocalSubnetManager({ path, config: { Network: '10.99.0.0/16' } })
    try {
      for await (const _ of other.watchLeases({ signal })) break
      await other.acquireLease({ attributes: { publicIp: '192.0.2.200' } })
      return 'works'
    } catch ({ code, message }) {
      return code ?? message
    } finally {
      await other[Symbol.asyncDispose]()
    }
  },

  /** Fills the disk on which the store is. */
  async occupy() {
    const file = await openFile(ballast, 'w')
    try {
      for (;;) await file.write(Buffer.alloc(4096))
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error
    } finally {
      await file.close()
    }
  },

  vacate: () => rm(ballast),

  async dispose() {
    await manager[Symbol.asyncDispose]()
    process.disconnect()
  },
}

process.on('disconnect', () => process.exit())
process.on('message', async ({ call, args = [] }) => {
  try {
    const result = call in calls ? await calls[call](...args) : await manager[call](...args)
    if (process.connected) await send({ result })
  } catch (error) {
    await send({ error: { code: error.code, message: error.message } })
  }
})
await send({ ready: true })
