/**
 * As probe-backends.test.ts, over what a kernel may be unable to carry: names of tests say what was run. wireguard is carried
 * by wireguard-go, and ipsec by charon, if the kernel here does neither.
 */
import { hasKernelWireguard, hasLinkType, kernelHasEsp } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { otherIn, testProbes } from './probing.js'

const both = { EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }
const Network = '10.244.0.0/16'
const WIREGUARD = hasKernelWireguard() ? "the kernel's wireguard" : 'wireguard-go'
const ESP = (await kernelHasEsp()) ? 'the kernel encrypts' : 'charon encrypts'
const HAS_IPIP = hasLinkType('ipip') && hasLinkType('ip6tnl')

/** Agents of one machine, each in a mount namespace of its own, share no sockets of wireguard-go and charon. */
const before =
  'mkdir -p /run/wireguard; mount -t tmpfs none /run/wireguard; mkdir -p /run/selvedge; mount -t tmpfs none /run/selvedge'

const wireguard = {
  config: { Network, ...both, Backend: { Type: 'wireguard' } },
  hasDevice: true,
  options: { before },
  isFlannels: hasKernelWireguard(),
}
const ipsec = {
  config: { Network, Backend: { Type: 'ipsec', PSK: 'pRoBeS'.repeat(16) } },
  hasDevice: false,
  options: { before },
  // It wants a charon of its own in the same folders.
  isFlannels: false,
}
const ipip = {
  config: { Network, ...both, Backend: { Type: 'ipip' } },
  hasDevice: true,
  // flannel's has no IPv6.
  isFlannels: false,
}

test(`${WIREGUARD} of both families: two peers answer each other, a lost direction is named, ${otherIn(wireguard)} is no fault`, () =>
  testProbes(wireguard))

test(`ipsec, ${ESP}: two peers answer each other, a lost direction is named`, () => testProbes(ipsec))

test.runIf(HAS_IPIP)('ipip of both families: two peers answer each other, a lost direction is named', () =>
  testProbes(ipip),
)

test.runIf(!HAS_IPIP)('NOT TESTED over ipip: this kernel lacks ipip or ip6_tunnel', () => {
  expect(HAS_IPIP).toBe(false)
})
