import { appendFile, readFile, rm, stat, truncate } from 'node:fs/promises'
import { until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from './rig.js'

const PORT = 10_256

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => undefined,
  )

test('a subnet.env that is deleted or changed is missed by /readyz, and is back', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  const agent = rig.start(0, { args: [`--healthz-port=${PORT}`] })
  await agent.ready()
  const written = await readFile(agent.subnetFile, 'utf8')
  expect(await agent.get(PORT, '/readyz')).toMatch(/^200 /)

  await rm(agent.subnetFile)
  const why = `another program deleted ${agent.subnetFile}: writing it again`
  expect(await agent.get(PORT, '/readyz')).toBe(`503 flanneld is not ready yet: ${why}`)
  await until('subnet.env', () => exists(agent.subnetFile))
  expect(await readFile(agent.subnetFile, 'utf8')).toBe(written)
  expect(await agent.get(PORT, '/readyz')).toMatch(/^200 /)
  expect(await agent.get(PORT, '/metrics')).toMatch(/^selvedge_ready 1$/m)

  await truncate(agent.subnetFile)
  await agent.logged(/^another program changed/, { timeout: 15_000 })
  await until('subnet.env', async () =>
    (await readFile(agent.subnetFile, 'utf8')) === written ? true : undefined,
  )
  expect((await agent.stop()).status).toBe(0)
})

test('how many lines a full disk swallowed is logged once there is room', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  const disk = `${rig.lab.directory}/disk`
  const agent = rig.start(0, {
    before: `mkdir ${disk}; mount -t tmpfs -o size=256k selvedge-test ${disk}`,
    wrapper: ['bash', '-c', `exec "$@" 2>>${disk}/log`, 'bash'],
  })
  await until('subnet.env', () => exists(agent.subnetFile))
  // Mounted for that process alone.
  const log = `/proc/${agent.pid}/root${disk}/log`
  await until('the log', async () => ((await readFile(log, 'utf8')).includes('in sync') ? true : undefined))
  await appendFile(log, Buffer.alloc(512 * 1024)).catch((error) => expect(error.code).toBe('ENOSPC'))

  const isDown = async () => (await agent.host.ip('link', 'show', 'flannel.1')).includes('state DOWN')
  const provoke = async () => {
    await agent.host.ip('link', 'set', 'flannel.1', 'down')
    await until('the link', async () => ((await isDown()) ? undefined : true))
  }
  for (let i = 0; i < 3; i += 1) await provoke()
  await truncate(log)
  await provoke()
  const text = await until('the count', async () => {
    const found = await readFile(log, 'utf8')
    return found.includes('lines were lost') ? found : undefined
  })
  const lines = text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line)]
    } catch {
      return []
    }
  })
  const count = lines.find(({ msg }) => msg.startsWith('the log can be written again'))
  expect(count).toMatchObject({ level: 40, lines: expect.any(Number) })
  expect(count.lines).toBeGreaterThan(1)
  expect((await agent.stop()).status).toBe(0)
})
