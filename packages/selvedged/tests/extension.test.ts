import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pingMatrix, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig } from './rig.js'

const config = (lab: { readonly directory: string }) => ({
  Network: '10.244.0.0/16',
  Backend: {
    Type: 'extension',
    Shell: true,
    PostStartupCommand: `env > ${lab.directory}/environment`,
    SubnetAddCommand: 'ip route replace "$SUBNET" via "$PUBLIC_IP"; : SeCrEtToKeN',
    SubnetRemoveCommand: 'ip route del "$SUBNET" via "$PUBLIC_IP"',
  },
})

test('agents run the commands of the config, with their environment; a peer that left is removed', async () => {
  await using rig = await Rig.create(undefined, { hosts: 2 })
  await rig.etcd.putConfig(config(rig.lab))
  const variablesOf = (host: string) => ({
    EXTENSION_RECORDS_DIR: join(rig.lab.directory, host, 'commands'),
    GREETING: 'hello',
  })
  const start = (index: number) => rig.start(index, { variables: variablesOf(rig.lab.host(index).name) })
  const [first, second] = [start(0), start(1)]
  const pods = await Promise.all([first.addPod(), second.addPod()])
  const { subnet } = await second.subnetEnv()
  const routes = () => rig.lab.host(0).ip('route')
  await until('the route', async () => ((await routes()).includes(`${subnet}`) ? true : undefined))
  await until('no loss', async () => {
    const entries = await pingMatrix(pods, pods)
    return entries.every(({ lost }) => lost === 0) ? entries : undefined
  })
  const environment = await readFile(join(rig.lab.directory, 'environment'), 'utf8')
  expect(environment).toContain('GREETING=hello\n')
  expect(environment).toContain('NETWORK=10.244.0.0/16\n')
  expect(first.output).not.toContain('SeCrEtToKeN')

  await first.kill()
  await second.stop()
  for (const [key, value] of await rig.etcd.leases()) {
    if (value.includes('192.168.77.2')) await rig.etcd.delete(key)
  }
  expect(await routes()).toContain('via 192.168.77.2 ')
  const again = start(0)
  await again.inSync()
  expect(await routes()).not.toContain('via 192.168.77.2 ')
})
