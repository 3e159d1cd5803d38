/** ipsec by the agent: its charon, found, named, missing, or another program's. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Host, kernelHasEsp, type Lab, pingMatrix, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig } from './rig.js'

const config = {
  Network: '10.244.0.0/16',
  Backend: { Type: 'ipsec', PSK: 'sEcReT'.repeat(16) },
}

/** Where Debian's package has charon. */
const CHARON_FOLDER = '/usr/lib/ipsec'

/** So that agents of one machine, each in a mount namespace of its own, do not share `/run/selvedge/ipsec`. */
const OWN_RUN = 'mount -t tmpfs none /run'

test('without charon, the agent says which package to install, or which setting names one that runs', async () => {
  await using rig = await Rig.create(config, { hosts: 1 })
  const agent = rig.start(0, { before: `mount -t tmpfs none ${CHARON_FOLDER}` })
  const { msg } = await agent.logged(/looking for strongSwan's charon/)
  expect(msg).toMatch(/\/usr\/lib\/ipsec\/charon.*: it is not there/)
  expect(msg).toContain('apt-get install strongswan-charon strongswan-swanctl libstrongswan-standard-plugins')
  expect(msg).toMatch(/viciUri .*IPSEC_VICI_URI/)
  expect(await agent.ended()).toBe(1)
  expect(agent.output).not.toContain('sEcReT')
  expect(await rig.etcd.leases()).toEqual(new Map())
})

const HOW = (await kernelHasEsp()) ? 'the kernel encrypts' : 'charon encrypts: the kernel has no ESP'

test(`an agent with the charon that IPSEC_CHARON names, and one that uses a charon by IPSEC_VICI_URI (${HOW})`, async () => {
  await using rig = await Rig.create(config, { hosts: 2 })
  const viciUri = await startCharon(rig.lab, rig.lab.host(1))
  const first = rig.start(0, { before: OWN_RUN, variables: { IPSEC_CHARON: join(CHARON_FOLDER, 'charon') } })
  const second = rig.start(1, {
    // It has none of its own to start.
    before: `${OWN_RUN}; mount -t tmpfs none ${CHARON_FOLDER}`,
    variables: { IPSEC_VICI_URI: viciUri },
  })
  const pods = await Promise.all([first.addPod(), second.addPod()])
  await until('no loss', async () => {
    const entries = await pingMatrix(pods, pods)
    return entries.every(({ lost }) => lost === 0) ? entries : undefined
  })
  expect(first.output + second.output).not.toContain('sEcReT')
})

/** A charon of an operator's, who knows nothing of the agent. */
async function startCharon(lab: Lab, host: Host): Promise<string> {
  const folder = join(lab.directory, `${host.name}-charon`)
  await mkdir(folder)
  const plugins = [
    ...((await kernelHasEsp()) ? [] : ['kernel-libipsec']),
    'random nonce openssl kdf hmac sha1 sha2 aes gcm gmp kernel-netlink socket-default vici',
  ]
  const socket = `unix://${folder}/charon.vici`
  await writeFile(
    join(folder, 'strongswan.conf'),
    `charon {\n load_modular = no\n load = ${plugins.join(' ')}\n plugins { vici { socket = ${socket} } }\n}\n`,
  )
  // In its /var/run it keeps its PID, as every charon does.
  const script = 'mount -t tmpfs none /var/run; exec env STRONGSWAN_CONF="$1/strongswan.conf" "$2/charon"'
  const child = host.spawn('sh', ['-ec', script, 'sh', folder, CHARON_FOLDER])
  child.stdout.resume()
  child.stderr.resume()
  await until('charon to listen', async () =>
    (await host.exec('ss', ['-lx'])).includes(`${folder}/charon.vici`) ? true : undefined,
  )
  return socket
}
