import { expect, test } from 'vitest'
import { iptablesChains } from '../rules/iptables-text.js'
import { transaction } from './transaction.js'

const change = (actual: string, desired: string) => transaction(actual, desired, iptablesChains())

const JUMP = '-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG'
const RULE = '-A FLANNEL-POSTRTG -s 10.244.0.0/16 -j MASQUERADE'
const nat = (...lines: string[]) => ['*nat', ...lines, 'COMMIT', ''].join('\n')
const desired = nat(':FLANNEL-POSTRTG - [0:0]', JUMP, RULE)

test('from nothing: the chain, its rules, then the jump', () => {
  expect(change('', desired)).toBe(nat(':FLANNEL-POSTRTG - [0:0]', RULE, JUMP))
})

test('from the same: nothing, whatever others have', () => {
  const others = nat(
    ':POSTROUTING ACCEPT [3:180]',
    ':KUBE-POSTROUTING - [0:0]',
    ':FLANNEL-POSTRTG - [9:9]',
    '-A POSTROUTING -j KUBE-POSTROUTING',
    JUMP,
    RULE,
  )
  expect(change(others, desired)).toBe('')
})

test('a jump that is there stays where it is; one too many, and rules of flannel before v0.20, go', () => {
  const old =
    '-A POSTROUTING -s 10.1.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE'
  expect(change(nat(':FLANNEL-POSTRTG - [0:0]', JUMP, JUMP, old, RULE), desired)).toBe(
    nat(':FLANNEL-POSTRTG - [0:0]', RULE, JUMP.replace('-A', '-D'), old.replace('-A', '-D')),
  )
})

test('to nothing: the jump first, then the chain', () => {
  expect(change(desired, '')).toBe(nat(JUMP.replace('-A', '-D'), '-F FLANNEL-POSTRTG', '-X FLANNEL-POSTRTG'))
})
