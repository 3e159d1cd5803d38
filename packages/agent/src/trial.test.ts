import { expect, test } from 'vitest'
import { exampleRulesets, whyNoBackend } from './trial.js'

const both = { ipv4: true, ipv6: true }

test('rulesets are those of the flags and the families, by the program that the config names', async () => {
  const all = await exampleRulesets({ ipMasq: true, forwardRules: true }, both, false)
  expect(all.map(({ key }) => key)).toEqual(['ruleset iptables ipv4', 'ruleset iptables ipv6'])
  expect(all[0]?.text).toMatch(/\*nat[\s\S]*MASQUERADE[\s\S]*\*filter[\s\S]*FLANNEL-FWD/)
  const [masquerade, ...others] = await exampleRulesets(
    { ipMasq: true, forwardRules: false },
    { ipv4: false, ipv6: true },
    true,
  )
  expect(others).toEqual([])
  expect(masquerade?.text).toMatch(/^table ip6 flannel-ipv6 \{[\s\S]*masquerade$/m)
  expect(masquerade?.text).not.toMatch(/forward|random/)
  expect(await exampleRulesets({ ipMasq: false, forwardRules: false }, both, false)).toEqual([])
})

test('backends that do not look at the host are not asked', async () => {
  const { signal } = new AbortController()
  for (const type of ['vxlan', 'extension', 'none']) expect(await whyNoBackend(type, signal)).toBeUndefined()
})
