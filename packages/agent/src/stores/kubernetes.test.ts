import { expect, test } from 'vitest'
import type { InPod } from '../command-line/kube-settings.js'
import { openKubernetes } from './kubernetes.js'

const ignore = () => undefined
const events = {
  onWaiting: ignore,
  onNodeAddresses: ignore,
  onSecrets: ignore,
  onWarning: ignore,
  onDetail: ignore,
}

test.each<[string, InPod, readonly string[]]>([
  ['the service', { pod: { host: '10.96.0.1', port: '443' } }, ['10.96.0.1']],
  [
    'the service, beside a URL',
    { pod: { host: 'fd00::1', port: '443' }, apiUrl: 'https://api:6443' },
    ['fd00::1'],
  ],
  ['none yet, of a service by its name', { pod: { host: 'kubernetes.default', port: '443' } }, []],
])('in a pod, the API server has the address of %s', async (_, access, addresses) => {
  const { subnets } = openKubernetes(
    {
      type: 'kubernetes',
      access,
      node: 'node1',
      networkConfigFile: '/etc/kube-flannel/net-conf.json',
      annotationPrefix: 'flannel.alpha.coreos.com',
      setNetworkUnavailable: true,
    },
    events,
  )
  expect(subnets.addresses?.()).toEqual(addresses)
  await subnets[Symbol.asyncDispose]()
})
