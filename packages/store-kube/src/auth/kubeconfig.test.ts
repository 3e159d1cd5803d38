import { isOverlayError } from '@selvedge/core'
import { describe, expect, test } from 'vitest'
import { readKubeconfig } from './kubeconfig.js'

const SECRET = 'do-not-show-this'

const kubelet = `
apiVersion: v1
kind: Config
current-context: kubelet
contexts:
- name: kubelet
  context: { cluster: main, user: kubelet }
- name: by-token
  context: { cluster: other, user: token }
- name: by-token-file
  context: { cluster: other, user: token-file }
- name: by-plugin
  context: { cluster: main, user: plugin }
- name: by-proxy
  context: { cluster: proxied, user: token }
- name: anonymous
  context: { cluster: main }
- name: nowhere
  context: { cluster: no-such-cluster, user: token }
clusters:
- name: main
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority-data: ${Buffer.from('THE CA').toString('base64')}
- name: other
  cluster: { server: 'https://api.example.com/k8s', certificate-authority: pki/ca.crt, tls-server-name: kubernetes, insecure-skip-tls-verify: false }
- name: proxied
  cluster: { server: 'https://10.0.0.1:6443', proxy-url: 'http://user:${SECRET}@proxy' }
users:
- name: kubelet
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem
- name: token
  user: { token: ${SECRET} }
- name: token-file
  user: { token: ${SECRET}, tokenFile: ../token }
- name: plugin
  user: { exec: { apiVersion: client.authentication.k8s.io/v1, command: get-token } }
`

const read = (access = {}, text = kubelet) =>
  readKubeconfig(text, { kubeconfigFile: '/etc/kubernetes/kubelet.conf', ...access })

describe('a kubeconfig', () => {
  test('of a kubelet has a client certificate that is rotated in place', () => {
    expect(read()).toMatchObject({
      url: new URL('https://10.0.0.1:6443'),
      ca: { text: 'THE CA' },
      cert: { file: '/var/lib/kubelet/pki/kubelet-client-current.pem' },
      key: { file: '/var/lib/kubelet/pki/kubelet-client-current.pem' },
      token: undefined,
      insecureSkipTlsVerify: false,
    })
  })

  test('has paths relative to its own, in a context other than the current one too', () => {
    expect(read({ context: 'by-token' })).toMatchObject({
      url: new URL('https://api.example.com/k8s'),
      ca: { file: '/etc/kubernetes/pki/ca.crt' },
      token: { text: SECRET },
      servername: 'kubernetes',
    })
  })

  test('has a token file that takes precedence over the token', () => {
    expect(read({ context: 'by-token-file' })).toMatchObject({ token: { file: '/etc/token' } })
  })

  test('may be used for another server', () => {
    expect(read({ apiUrl: 'https://127.0.0.1:1' })).toMatchObject({ url: new URL('https://127.0.0.1:1') })
  })

  test('may have no user', () => {
    expect(read({ context: 'anonymous' })).toMatchObject({ token: undefined, cert: undefined })
  })

  test.each(['by-plugin', 'by-proxy'])('with the context %s is left to client-node', (context) => {
    expect(read({ context })).toBeUndefined()
  })

  test.each([
    ['lacks the context', { context: 'missing' }, kubelet, "no context 'missing'"],
    ['lacks the cluster', { context: 'nowhere' }, kubelet, "no cluster 'no-such-cluster'"],
    ['has no current context', {}, 'kind: Config', 'no current context'],
    ['is not YAML', {}, `kind: Config\nusers: [${SECRET}\n- ]: {`, 'not valid YAML'],
    ['is a list', {}, `- ${SECRET}`, 'not a kubeconfig'],
    ['is empty', {}, '', 'not a kubeconfig'],
    ['names a server that is not a URL', { apiUrl: 'localhost' }, kubelet, 'https://10.96.0.1:443'],
    ['names a server with a password', { apiUrl: `https://u:${SECRET}@h` }, kubelet, 'user or password'],
  ])('that %s is an error without secrets', (_, access, text, named) => {
    try {
      read(access, text)
      expect.unreachable()
    } catch (error) {
      expect(isOverlayError(error, 'INVALID_CONFIG')).toBe(true)
      expect(String(error)).toContain(named)
      expect(String(error)).not.toContain(SECRET)
    }
  })
})
