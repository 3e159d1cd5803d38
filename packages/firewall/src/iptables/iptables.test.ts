import { expect, test } from 'vitest'
import { variantOf } from './iptables.js'

test.each([
  ['iptables v1.8.11 (nf_tables)\n', 'nft'],
  ['ip6tables v1.8.9 (legacy)\n', 'legacy'],
  ['iptables v1.6.1\n', 'legacy'],
])('%j is the %s variant', (version, variant) => {
  expect(variantOf(version)).toBe(variant)
})
