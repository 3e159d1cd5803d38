import { describe, expect, it } from 'vitest'
import { discover } from './discovery.js'

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'
const POD = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' }

const found = (variables: Record<string, string>, ...files: string[]) =>
  discover({ variables, home: '/root', exists: (path) => files.includes(path) })

describe('discovery', () => {
  it('takes $KUBECONFIG before all, whether or not it is there', () => {
    const one = { KUBECONFIG: '/etc/k.conf', ...POD }
    expect(found(one, '/root/.kube/config', TOKEN)).toEqual({ type: 'kubeconfig', file: '/etc/k.conf' })
  })

  it('leaves several files to client-node, which merges them, and knows an empty name', () => {
    expect(found({ KUBECONFIG: '/a:/b' })).toEqual({ type: 'several-kubeconfigs' })
    expect(found({ KUBECONFIG: ':/a:' })).toEqual({ type: 'kubeconfig', file: '/a' })
  })

  it("then takes the user's, then the pod's service account", () => {
    const user = '/root/.kube/config'
    expect(found({ KUBECONFIG: '', ...POD }, user, TOKEN)).toEqual({ type: 'kubeconfig', file: user })
    expect(found(POD, TOKEN)).toEqual({ type: 'pod', host: '10.96.0.1', port: '443' })
  })

  it.each([{}, POD])('says where it looked in vain', (variables) => {
    expect(() => found(variables)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CONFIG',
        message: expect.stringContaining('/root/.kube/config'),
      }),
    )
    expect(() => found({}, TOKEN)).toThrow(/no cluster is found by discovery/)
  })
})
