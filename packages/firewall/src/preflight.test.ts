import { expect, it } from 'vitest'
import { warningsOf } from './preflight.js'

const quiet = { nft: '*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n', legacy: '', tables: 'table ip filter\n' }

it('says nothing of a host where nothing is in the way', () => {
  expect(warningsOf(quiet)).toEqual([])
})

it.each([
  [
    'a policy that drops',
    { legacy: '*filter\n:FORWARD DROP [3:180]\nCOMMIT\n' },
    /policy of FORWARD.*iptables -I FORWARD/,
  ],
  ['firewalld', { tables: 'table inet firewalld\n' }, /firewalld runs here.*firewall-cmd/],
  ['ufw', { nft: '*filter\n:ufw-before-forward - [0:0]\nCOMMIT\n' }, /ufw is active.*ufw route allow/],
  [
    'rules of both variants',
    { nft: '*nat\n-A POSTROUTING -j A\nCOMMIT\n', legacy: '*nat\n-A POSTROUTING -j B\nCOMMIT\n' },
    /both iptables-nft and iptables-legacy.*update-alternatives/,
  ],
])('tells of %s, with the remedy', (_, found, warning) => {
  expect(warningsOf({ ...quiet, ...found })).toEqual([expect.stringMatching(warning)])
})
