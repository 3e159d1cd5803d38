import { expect, test } from 'vitest'
import { whyNoRulesetName } from './ruleset-name.js'

test.each(['a', '7', 'iot', 'Blue-2', 'twelve-chars'])('%j can be a part of a chain name', (name) => {
  expect(whyNoRulesetName(name)).toBeUndefined()
})

test.each(['', '-', '-a', 'a-', 'a_b', 'a b', 'ä', 'a\n', 'thirteen-long', '$(id)'])('%j cannot', (name) => {
  expect(whyNoRulesetName(name)).toBe(
    'must be 1 to 12 letters, digits and hyphens, and neither begin nor end with a hyphen',
  )
})
