import { expect, test } from 'vitest'
import { unreadableTable } from './saved-rules.js'

test('a table that iptables cannot read is known by what iptables-nft-save says of it', () => {
  const text = '*nat\n:FLANNEL-POSTRTG - [0:0]\nCOMMIT\n'
  expect(unreadableTable("# Table `nat' is incompatible, use 'nft' tool.\n", text)).toBe('nat')
  const chains =
    "# Table `nat' contains incompatible base-chains, use 'nft' tool to list them.\n*nat\nCOMMIT\n"
  expect(unreadableTable(chains, text)).toBe('nat')
  expect(unreadableTable("# Table `mangle' is incompatible, use 'nft' tool.\n", text)).toBeUndefined()
  expect(unreadableTable('*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n', text)).toBeUndefined()
})
