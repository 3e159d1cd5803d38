import { fileURLToPath } from 'node:url'
import { Lab } from '@selvedge/lab'
import { expect, test } from 'vitest'

const PROGRAM = fileURLToPath(new URL('locked.mjs', import.meta.url))

test('iptables’ lock is waited for; if it takes too long, the error says who has it', async () => {
  await using lab = await Lab.create({ hosts: 0 })
  const host = await lab.addHost()
  // The lock is one file for all network namespaces: others on this machine may need theirs.
  const ownRun = 'mount -t tmpfs tmpfs /run; exec "$@"'
  const command = ['--mount', 'sh', '-ec', ownRun, 'sh', process.execPath, PROGRAM]
  const { pid, locked, waited } = JSON.parse(await host.exec('unshare', command, { timeoutMs: 20_000 }))
  expect(locked).toEqual({
    code: 'DRIVER_REFUSED',
    message: expect.stringContaining(`process ${pid} (flock) has held the lock of iptables for over 5 s`),
  })
  expect(waited).toEqual({ ok: true })
}, 30_000)
