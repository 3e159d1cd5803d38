import { describe, expect, test } from 'vitest'
import { readCommandLine } from './command-line.js'
import { UsageError } from './flag-set.js'
import type { KubeSettings } from './kube-settings.js'

const inPod = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' }
const named = { NODE_NAME: 'worker-1' }

function kubeSettingsOf(args: string[], variables: Record<string, string>): KubeSettings {
  const command = readCommandLine(['--kube-subnet-mgr', ...args], variables)
  if (command.type !== 'run' || command.settings.store.type !== 'kubernetes') throw new Error()
  return command.settings.store
}

test('in a pod of flannel’s manifest: its service account, its pod, flanneld’s defaults', () => {
  expect(
    kubeSettingsOf([], { ...inPod, POD_NAME: 'kube-flannel-ds-x', POD_NAMESPACE: 'kube-flannel' }),
  ).toEqual({
    type: 'kubernetes',
    access: { pod: { host: '10.96.0.1', port: '443' }, apiUrl: undefined },
    node: { podName: 'kube-flannel-ds-x', podNamespace: 'kube-flannel' },
    networkConfigFile: '/etc/kube-flannel/net-conf.json',
    annotationPrefix: 'flannel.alpha.coreos.com',
    setNetworkUnavailable: true,
  })
})

test.each([
  [
    'NODE_NAME before the pod’s',
    [],
    { ...inPod, ...named, POD_NAME: 'p', POD_NAMESPACE: 'n' },
    { node: 'worker-1' },
  ],
  [
    'a kubeconfig, in a pod too',
    ['--kubeconfig-file=/k'],
    { ...inPod, ...named },
    { access: { kubeconfigFile: '/k' } },
  ],
  [
    'a kubeconfig for another server',
    ['--kubeconfig-file=/k', '--kube-api-url=https://api:6443'],
    named,
    { access: { kubeconfigFile: '/k', apiUrl: 'https://api:6443' } },
  ],
  [
    'the service account for another server',
    ['--kube-api-url=https://api:6443'],
    { ...inPod, ...named },
    { access: { pod: { host: '10.96.0.1', port: '443' }, apiUrl: 'https://api:6443' } },
  ],
  [
    'a server alone',
    ['--kube-api-url=http://127.0.0.1:8080'],
    named,
    { access: { apiUrl: 'http://127.0.0.1:8080' } },
  ],
  [
    'what else there is to set',
    [
      '--net-config-path=/c',
      '--kube-annotation-prefix=example.com/blue',
      '--set-node-network-unavailable=false',
    ],
    { ...inPod, ...named },
    { networkConfigFile: '/c', annotationPrefix: 'example.com/blue', setNetworkUnavailable: false },
  ],
])('%s', (_, args, variables, settings) => {
  expect(kubeSettingsOf(args, variables)).toMatchObject(settings)
})

describe('refused:', () => {
  test.each([
    ['a node without a name', [], inPod, /NODE_NAME or by POD_NAME and POD_NAMESPACE/],
    ['half a pod', [], { ...inPod, POD_NAME: 'p' }, /NODE_NAME or by POD_NAME and POD_NAMESPACE/],
    ['no way to the server', [], named, /outside of a pod, -kubeconfig-file or -kube-api-url/],
    ['a server that is no URL', ['--kube-api-url=api:6443'], named, /"api:6443" for flag -kube-api-url/],
    [
      'a password, which it does not show',
      ['--kube-api-url=https://u:hunter22@api'],
      named,
      /value "api" for flag -kube-api-url/,
    ],
  ])('%s', (_, args, variables, message) => {
    expect(() => kubeSettingsOf(args, variables)).toThrow(UsageError)
    expect(() => kubeSettingsOf(args, variables)).toThrow(message)
  })
})

test('what is for Kubernetes alone is no warning with it', () => {
  const command = readCommandLine(
    ['--kube-subnet-mgr', '--kubeconfig-file=/k', '--iptables-forward-rules=false', '--net-config-path=/c'],
    named,
  )
  expect(command).toMatchObject({ settings: { warnings: [] } })
})
