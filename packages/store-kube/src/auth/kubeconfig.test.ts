import { isOverlayError } from '@selvedge/core'
import { describe, expect, test } from 'vitest'
import { type ForClientNode, readKubeconfig } from './kubeconfig.js'

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
- name: by-path
  context: { cluster: main, user: plugin-path }
- name: by-nothing
  context: { cluster: main, user: plugin-nothing }
- name: by-terminal
  context: { cluster: main, user: plugin-terminal }
- name: by-odd-args
  context: { cluster: main, user: plugin-odd-args }
- name: by-gcp
  context: { cluster: main, user: gcp }
- name: by-proxy
  context: { cluster: proxied, user: plugin }
- name: anonymous
  context: { cluster: main }
- name: nowhere
  context: { cluster: no-such-cluster, user: token }
clusters:
- name: main
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority-data: ${Buffer.from('THE CA').toString('base64')}
    extensions: [{ name: client.authentication.k8s.io/exec, extension: { audience: a } }]
- name: other
  cluster: { server: 'https://api.example.com/k8s', certificate-authority: pki/ca.crt, tls-server-name: kubernetes, insecure-skip-tls-verify: false }
- name: proxied
  cluster: { server: 'https://10.0.0.1:6443', certificate-authority: pki/ca.crt, proxy-url: 'http://user:${SECRET}@proxy' }
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
  user: { exec: { apiVersion: client.authentication.k8s.io/v1, command: get-token, args: null } }
- name: plugin-path
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: bin/get-token
      args: [--quiet]
      env: [{ name: PROFILE, value: prod }]
      installHint: install it
      provideClusterInfo: true
- name: plugin-nothing
  user: { exec: { command: '', args: [${SECRET}] } }
- name: plugin-terminal
  user: { exec: { command: login, interactiveMode: Always, args: [${SECRET}] } }
- name: plugin-odd-args
  user: { exec: { command: login, args: ${SECRET} } }
- name: gcp
  user: { auth-provider: { name: gcp, config: { access-token: ${SECRET} } } }
`

const read = (access = {}, text = kubelet) =>
  readKubeconfig(text, { kubeconfigFile: '/etc/kubernetes/kubelet.conf', ...access })

/** Each value is a list of so many aliases of the one before it. */
function expanding(values: number, aliases: number): string {
  const lists = Array.from(
    { length: values },
    (_, n) => `a${n + 1}: &a${n + 1} [${Array(aliases).fill(`*a${n}`)}]`,
  )
  return ['a0: &a0 x', ...lists].join('\n')
}

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

  test('may name a plugin: a name is looked up, and a path is relative to its own', () => {
    expect(read({ context: 'by-plugin' })).toMatchObject({
      token: undefined,
      plugin: {
        command: 'get-token',
        args: [],
        env: {},
        apiVersion: 'client.authentication.k8s.io/v1',
        cluster: undefined,
      },
    })
    expect(read({ context: 'by-path' })).toMatchObject({
      plugin: {
        command: '/etc/kubernetes/bin/get-token',
        args: ['--quiet'],
        env: { PROFILE: 'prod' },
        installHint: 'install it',
        cluster: { server: 'https://10.0.0.1:6443', config: { audience: 'a' } },
      },
    })
  })

  test('with a proxy is left to client-node, its plugin apart, with absolute paths', () => {
    const { kubeconfig, plugin } = read({ context: 'by-proxy' }) as ForClientNode
    expect(plugin).toMatchObject({ command: 'get-token' })
    expect(JSON.parse(kubeconfig)).toMatchObject({
      clusters: [{ cluster: { 'certificate-authority': '/etc/kubernetes/pki/ca.crt' } }],
      users: [{ user: {} }],
    })
    expect(kubeconfig).not.toContain('get-token')
  })

  test.each([
    ['after a marker', (text: string) => `---${text}`],
    ['after comments and a directive', (text: string) => `# by hand\n%YAML 1.2\n---\n${text}`],
    ['before another document', (text: string) => `${text}---\napiVersion: v1\nkind: Secret\n`],
    ['before one that is not YAML', (text: string) => `${text}...\n---\n]: {\n`],
  ])('is the first document of its file: %s', (_, inFile) => {
    expect(read({}, inFile(kubelet))).toEqual(read())
  })

  test('is an error at the line of the file, whichever document it is', () => {
    expect(() => read({}, '# one\n---\n# two\na: b: c\n---\n')).toThrow('not valid YAML at line 4')
  })

  test.each([
    ['lacks the context', { context: 'missing' }, kubelet, "no context 'missing'"],
    ['lacks the cluster', { context: 'nowhere' }, kubelet, "no cluster 'no-such-cluster'"],
    ['has no current context', {}, 'kind: Config', 'no current context'],
    ['is not YAML', {}, `kind: Config\nusers: [${SECRET}\n- ]: {`, 'not valid YAML'],
    ['is nested 20,000 deep', {}, '['.repeat(20_000), 'not valid YAML'],
    ['expands to a billion values', {}, expanding(9, 10), 'too many or too deep'],
    ['expands to a deep value', {}, expanding(20_000, 1), 'too many or too deep'],
    ['has a plugin without a command', { context: 'by-nothing' }, kubelet, 'has no command'],
    ['has a plugin that needs a terminal', { context: 'by-terminal' }, kubelet, 'interactiveMode: Always'],
    ['has a plugin with odd arguments', { context: 'by-odd-args' }, kubelet, 'not a list of strings'],
    ['has a removed provider', { context: 'by-gcp' }, kubelet, 'auth-provider gcp'],
    ['is a list', {}, `- ${SECRET}`, 'not a kubeconfig'],
    ['is empty', {}, '', 'not a kubeconfig'],
    [
      'has a mapping for a server',
      {},
      kubelet.replace(/server: [^,}\n]*/g, 'server: {toString: 1, valueOf: null}'),
      'https://10.96.0.1:443',
    ],
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

describe('a kubeconfig as editors and tools leave it is read as kubectl reads it:', () => {
  const server = (text: string) => {
    const read = readKubeconfig(text, { kubeconfigFile: '/etc/agent.conf' })
    return 'url' in read ? read.url.origin : undefined
  }
  test.each([
    ['with the line ends of Windows', kubelet.replaceAll('\n', '\r\n')],
    ['with a byte order mark', `\uFEFF${kubelet}`],
    ['with a byte order mark before a marker', `\uFEFF---\n${kubelet}\n---\nkind: Other\n`],
    [
      'with anchors and merged keys',
      kubelet
        .replace('- name: main\n  cluster:', '$&\n    <<: *base')
        .replace('apiVersion: v1', '$&\nx-base: &base { disable-compression: true }'),
    ],
    [
      'with a key that is there twice',
      kubelet.replace('    server: https', '    server: https://192.0.2.1\n    server: https'),
    ],
  ])('%s', (_, text) => {
    expect(text).not.toBe(kubelet)
    expect(server(text)).toBe('https://10.0.0.1:6443')
  })
})
