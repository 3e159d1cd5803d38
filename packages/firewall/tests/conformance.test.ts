import { resourceSuite } from '@selvedge/conformance'
import { Lab } from '@selvedge/lab'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { firewall, type RulesetResource, ruleset } from '../src/index.js'
import { MODES, rulesets } from './rulesets.js'

let lab: Lab
beforeAll(async () => {
  lab = await Lab.create({ hosts: 0 })
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
})

const SUBNET = '10.244.1.0/24'

/** With rules that no tool takes. A word in the place of an address would be asked of DNS. */
const withNonsense = ({ mode, family, text }: RulesetResource): RulesetResource =>
  ruleset(mode, family, text.replaceAll(SUBNET, '10.244.1.0/240'))

/** Without dates, counts and what a tool leaves empty. With rules' handles, which one that is written again does not keep. */
const rulesIn = (listed: string): string =>
  listed
    .split('\n')
    .filter((line) => /^-A |^:\S+ - |^table .*(?:flannel|other)|^\t\t(?!type )/.test(line))
    .join('\n')
    .replaceAll(/\[\d+:\d+\]|packets \d+ bytes \d+/g, '')

describe.each(MODES)('%s', (_, enableNFTables, iptables) => {
  const samples = rulesets(enableNFTables, { network: '10.244.0.0/16', subnet: SUBNET })
  const [first] = samples
  if (first === undefined) throw new Error('a ruleset of each family')

  resourceSuite(
    { describe, it },
    {
      sharedHolder: false,
      async setup() {
        const host = await lab.addHost()
        const legacy = ['iptables-legacy-save', 'ip6tables-legacy-save']
        return {
          // The timer stands in for what the kernel does not report of iptables-legacy.
          driver: () =>
            firewall({ namespace: `/run/netns/${host.namespace}`, iptables, resyncIntervalMs: 50 }),
          scope: { aliases: [], links: [], networks: [] },
          samples,
          changed: rulesets(enableNFTables, { network: '10.99.0.0/16', subnet: '10.99.7.0/24' }),
          refused: withNonsense(first),
          async remove({ family }: RulesetResource) {
            if (enableNFTables) {
              await host.exec('nft', ['delete table', family === 4 ? 'ip flannel-ipv4' : 'ip6 flannel-ipv6'])
              return
            }
            const program = `${family === 4 ? 'iptables' : 'ip6tables'}-${iptables}`
            const input =
              '*nat\n-D POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG\n' +
              '-F FLANNEL-POSTRTG\n-X FLANNEL-POSTRTG\nCOMMIT\n' +
              '*filter\n-D FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD\n' +
              '-F FLANNEL-FWD\n-X FLANNEL-FWD\nCOMMIT\n'
            await host.exec(`${program}-restore`, ['--noflush'], { input })
          },
          async addForeign() {
            for (const program of [`iptables-${iptables ?? 'nft'}`, `ip6tables-${iptables ?? 'nft'}`]) {
              await host.exec(program, [
                '-t',
                'nat',
                '-A',
                'POSTROUTING',
                '-o',
                'docker0',
                '-j',
                'MASQUERADE',
              ])
              await host.exec(program, ['-A', 'FORWARD', '-i', 'docker0', '-j', 'ACCEPT'])
            }
            await host.exec('nft', ['table ip other { chain forward { counter accept; }; }'])
          },
          async state() {
            const texts = [...legacy.map((one) => host.exec(one)), host.exec('nft', ['-a', 'list ruleset'])]
            return (await Promise.all(texts)).map(rulesIn).join('\n')
          },
        }
      },
    },
  )
})
