/** A host for one snippet, inside namespaces that are its own: interfaces, and folders that it may write to. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runQuietly } from '../terminal.mjs'

/** Folders of the machine of which the snippet sees a copy that it may write to. */
const COPIED = ['/etc', '/var/lib']

/** The addresses of etcd's members and of Kubernetes' service in the READMEs. */
const SERVERS = ['10.0.0.5', '10.0.0.6', '10.0.0.7', '10.96.0.1']

const INTERFACES = { eth0: '192.168.77.1', eth1: '192.168.78.1' }

/** @param work an empty folder, over which a file system is mounted */
export async function makeHost(work) {
  await runQuietly('mount', ['-t', 'tmpfs', 'tmpfs', work])
  for (const folder of COPIED) await copyOnWrite(folder, join(work, folder.replaceAll('/', '-')))
  await runQuietly('mount', ['-t', 'tmpfs', 'tmpfs', '/run'])
  // Else it shows the interfaces of the network namespace that it was mounted in.
  await runQuietly('mount', ['-t', 'sysfs', 'sysfs', '/sys'])
  await runQuietly('ip', ['link', 'set', 'lo', 'up'])
  for (const address of SERVERS) await runQuietly('ip', ['address', 'add', `${address}/32`, 'dev', 'lo'])
  for (const [name, address] of Object.entries(INTERFACES)) {
    await runQuietly('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-peer`])
    await runQuietly('ip', ['address', 'add', `${address}/24`, 'dev', name])
    for (const end of [name, `${name}-peer`]) await runQuietly('ip', ['link', 'set', end, 'up'])
  }
  await runQuietly('ip', ['route', 'add', 'default', 'via', '192.168.77.254'])
}

async function copyOnWrite(folder, work) {
  const [upper, own] = [join(work, 'upper'), join(work, 'own')]
  for (const one of [upper, own]) await mkdir(one, { recursive: true })
  const layers = `lowerdir=${folder},upperdir=${upper},workdir=${own}`
  await runQuietly('mount', ['-t', 'overlay', 'overlay', '-o', layers, folder])
}
