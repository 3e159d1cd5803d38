import { Lab, type Namespace } from '@selvedge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { firewall, type RulesetResource } from '../src/index.js'
import { FLANNEL, FLANNEL_NFT, MASQ, NETWORK, SUBNET } from './flannel-rules.js'
import { put, remove, rulesets, write } from './rulesets.js'

const SCOPE = { aliases: [], links: [], networks: [] }

let lab: Lab
beforeAll(async () => {
  lab = await Lab.create({ hosts: 0 })
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
})

/** Not flannel's, however like them one looks: an operator may let a network through. */
const FOREIGN = ['-s 172.17.0.0/16 -j MASQUERADE', '-s 10.99.0.0/16 -d 10.99.0.0/16 -j RETURN'].map(
  (rule) => `-A POSTROUTING ${rule}`,
)

/** Of IPv4. */
function desired(enableNFTables: boolean): RulesetResource {
  const [resource] = rulesets(enableNFTables, { network: NETWORK, subnet: SUBNET })
  if (resource === undefined) throw new Error('no rules')
  return resource
}

/** What flannel of v0.28 does at its start: it empties its chain, and moves its jump to the end. */
async function startFlannel(host: Namespace, variant: string, text: string): Promise<void> {
  await host.exec(`iptables-${variant}`, ['-t', 'nat', '-F', 'FLANNEL-POSTRTG'])
  const [jump = '', ...rules] = text.split('\n').filter((line) => line.includes(MASQ))
  const input = ['*nat', jump.replace('-A', '-D'), jump, ...rules, 'COMMIT', ''].join('\n')
  await host.exec(`iptables-${variant}-restore`, ['--noflush'], { input })
}

for (const variant of ['nft', 'legacy'] as const) {
  for (const [version, text] of Object.entries(FLANNEL)) {
    test(`iptables-${variant}: replaces the rules of flannel ${version}, is replaced by v0.28, and leaves nothing`, async () => {
      const host = await lab.addHost()
      const restore = (input: string) => host.exec(`iptables-${variant}-restore`, ['--noflush'], { input })
      await restore(`*nat\n${FOREIGN[0]}\nCOMMIT\n`)
      await restore(text)
      await restore(`*nat\n${FOREIGN[1]}\nCOMMIT\n`)
      const resource = desired(false)
      await using driver = firewall({ namespace: `/run/netns/${host.namespace}`, iptables: variant })
      expect((await driver.snapshot(SCOPE)).map(({ key }) => key)).toEqual([resource.key])
      await write(driver, [put(resource)])
      expect(await driver.snapshot(SCOPE)).toEqual([resource])
      await startFlannel(host, variant, resource.text)
      expect(await driver.snapshot(SCOPE)).toEqual([resource])
      await write(driver, [remove(resource)])
      const left = await host.exec(`iptables-${variant}-save`)
      expect(left.split('\n').filter((line) => /^-A|FLANNEL/.test(line))).toEqual(FOREIGN)
    })
  }
}

test('nftables: replaces the rules of flannel, and is replaced by it', async () => {
  const host = await lab.addHost()
  const resource = desired(true)
  await using driver = firewall({ namespace: `/run/netns/${host.namespace}`, iptables: 'nft' })
  const held = async () => (await driver.snapshot(SCOPE)).filter(({ mode }) => mode === 'nftables')
  for (let round = 0; round < 2; round += 1) {
    await host.exec('nft', [FLANNEL_NFT])
    const [found] = await held()
    expect(found).toMatchObject({
      key: resource.key,
      text: expect.stringContaining('meta mark 0x00004000 return'),
    })
    await write(driver, [put(resource)])
    expect(await held()).toEqual([resource])
  }
})
